// The HTML of the site. PAGES.md holds it byte for byte; a program in another language gives the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace foobar {

struct Item {
  std::string head;
  std::string kind;  // the class of the text: "text", "price" or "email"
  std::string text;
  int64_t created = 0;  // seconds since 1970
};

// A whole page around `main`; `path` marks the link of a list page as the current one.
std::string frame(std::string_view path, std::string_view title, std::string_view main);

// A page that only says something, such as an error page.
std::string message_page(std::string_view title, std::string_view text);

// `form` is the form's template, in which each {name} is replaced by the value of that field.
std::string list_page(std::string_view path, std::string_view title, std::string_view form,
                      const std::vector<std::pair<std::string, std::string>>& values,
                      const std::vector<std::string>& errors, const std::vector<Item>& items);

extern const std::string_view kPostForm, kProductForm, kUserForm;

}  // namespace foobar
