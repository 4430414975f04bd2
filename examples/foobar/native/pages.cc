#include "pages.h"

#include <trimaran/app.h>

#include <ctime>
#include <utility>

namespace foobar {

using Values = std::vector<std::pair<std::string, std::string>>;
using trimaran::escape_html;

namespace {

constexpr std::string_view kFrame = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · foobar.com</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<a class="brand" href="/">foobar.com</a>
<nav aria-label="Main">
<a href="/">Home</a>
{links}</nav>
</header>
<main>
{main}</main>
<footer>
<p>Served by Trimaran.</p>
</footer>
</body>
</html>
)";

constexpr std::string_view kArticle = R"(<article>
<h2>{head}</h2>
<p class="{kind}">{text}</p>
<footer>{time}</footer>
</article>
)";

// The template with each {name} replaced by its value, which is HTML already. What a value holds is never replaced.
std::string fill(std::string_view pattern, const Values& values) {
  std::string out;
  while (!pattern.empty()) {
    size_t open = pattern.find('{');
    out += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    size_t close = pattern.find('}', open);
    std::string_view name = pattern.substr(open + 1, close - open - 1);
    for (const auto& [key, value] : values) {
      if (key == name) out += value;
    }
    pattern.remove_prefix(close + 1);
  }
  return out;
}

std::string time_element(int64_t created) {
  std::time_t seconds = created;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[80];
  size_t size =
      std::strftime(text, sizeof text, "<time datetime=\"%Y-%m-%dT%H:%M:%SZ\">%Y-%m-%d %H:%M UTC</time>", &utc);
  return std::string(text, size);
}

std::string error_list(const std::vector<std::string>& errors) {
  if (errors.empty()) return "";
  std::string out = "<ul class=\"errors\" role=\"alert\">\n";
  for (const std::string& error : errors) out += "<li>" + escape_html(error) + "</li>\n";
  return out + "</ul>\n";
}

std::string item_list(std::string_view title, const std::vector<Item>& items) {
  if (items.empty()) return "<p class=\"empty\">Nothing here yet.</p>\n";
  std::string out = "<section class=\"list\" aria-label=\"" + std::string(title) + "\">\n";
  for (const Item& item : items) {
    out += fill(kArticle, {{"head", escape_html(item.head)},
                           {"kind", item.kind},
                           {"text", escape_html(item.text)},
                           {"time", time_element(item.created)}});
  }
  return out + "</section>\n";
}

}  // namespace

const std::string_view kPostForm = R"(<form method="post" action="/posts">
<h2>Add a post</h2>
<label for="title">Title</label>
<input id="title" name="title" value="{title}" maxlength="200" required>
<label for="body">Text</label>
<textarea id="body" name="body" rows="5" maxlength="5000" required>{body}</textarea>
<button>Add</button>
</form>
)";

const std::string_view kProductForm = R"(<form method="post" action="/products">
<h2>Add a product</h2>
<label for="name">Name</label>
<input id="name" name="name" value="{name}" maxlength="200" required>
<label for="price">Price</label>
<input id="price" name="price" value="{price}" inputmode="decimal" placeholder="12.50" maxlength="9" required>
<button>Add</button>
</form>
)";

const std::string_view kUserForm = R"(<form method="post" action="/users">
<h2>Add a user</h2>
<label for="name">Name</label>
<input id="name" name="name" value="{name}" maxlength="200" required>
<label for="email">Email</label>
<input id="email" name="email" type="email" value="{email}" maxlength="200" required>
<button>Add</button>
</form>
)";

std::string frame(std::string_view path, std::string_view title, std::string_view main) {
  constexpr std::pair<std::string_view, std::string_view> kLinks[] = {
      {"/posts", "Posts"}, {"/products", "Products"}, {"/users", "Users"}};
  std::string links;
  for (const auto& [link, name] : kLinks) {
    std::string current = link == path ? " aria-current=\"page\"" : "";
    links += "<a href=\"" + std::string(link) + "\"" + current + ">" + std::string(name) + "</a>\n";
  }
  return fill(kFrame, {{"title", std::string(title)}, {"links", links}, {"main", std::string(main)}});
}

std::string message_page(std::string_view title, std::string_view text) {
  return frame("", title, "<h1>" + std::string(title) + "</h1>\n<p>" + std::string(text) + "</p>\n");
}

std::string list_page(std::string_view path, std::string_view title, std::string_view form, const Values& values,
                      const std::vector<std::string>& errors, const std::vector<Item>& items) {
  Values escaped;
  for (const auto& [name, value] : values) escaped.emplace_back(name, escape_html(value));
  return frame(
      path, title,
      "<h1>" + std::string(title) + "</h1>\n" + error_list(errors) + fill(form, escaped) + item_list(title, items));
}

}  // namespace foobar
