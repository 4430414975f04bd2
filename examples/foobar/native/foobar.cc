// foobar.com as a C++ application: posts, products and users, each a list with a form that adds to it. PAGES.md holds
// the contract (pages, forms, tables), which a Python program fulfils as well.
//
//   g++ -std=c++20 -O2 -shared -fPIC -o libfoobar.so *.cc
#include <trimaran/app.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "forms.h"
#include "pages.h"

using trimaran::App;
using trimaran::Database;
using trimaran::DatabaseError;
using trimaran::Engine;
using trimaran::Request;
using trimaran::Response;
using trimaran::Row;

namespace foobar {

namespace {

constexpr size_t kFormBytesMax = 64 * 1024;

// Creates the tables at the first use, so that the site starts while its database is still starting.
class Tables {
 public:
  Database& ready(Database& db) {
    if (created_) return db;
    bool sqlite = db.engine() == Engine::sqlite;
    std::string id = sqlite ? "id INTEGER PRIMARY KEY" : "id BIGINT AUTO_INCREMENT PRIMARY KEY";
    std::string text = sqlite ? " TEXT NOT NULL, " : " VARCHAR(200) NOT NULL, ";
    std::string number = sqlite ? " INTEGER NOT NULL" : " BIGINT NOT NULL";
    std::string end = "created" + number + (sqlite ? ")" : ") ENGINE=InnoDB CHARACTER SET utf8mb4");
    std::string create = "CREATE TABLE IF NOT EXISTS ";
    db.execute(create + "posts (" + id + ", title" + text + "body TEXT NOT NULL, " + end);
    db.execute(create + "products (" + id + ", name" + text + "price_cents" + number + ", " + end);
    db.execute(create + "users (" + id + ", name" + text + "email" + text + end);
    created_ = true;
    return db;
  }

 private:
  std::atomic<bool> created_ = false;  // two threads may both create them; that is harmless
};

// A list of the rows of one table, newest first, and the form that adds one.
struct Page {
  std::string path, title;
  std::string_view form;
  std::vector<Field> fields;
  std::string select, insert;
  Item (*item)(const Row&);
};

std::string price_text(int64_t cents) {
  char text[32];
  int size =
      std::snprintf(text, sizeof text, "%lld.%02d", static_cast<long long>(cents / 100), static_cast<int>(cents % 100));
  return std::string(text, static_cast<size_t>(size));
}

const Page kPosts = {
    "/posts",
    "Posts",
    kPostForm,
    {{"title", "Title"}, {"body", "Text", 5000}},
    "SELECT title, body, created FROM posts ORDER BY id DESC LIMIT 50",
    "INSERT INTO posts (title, body, created) VALUES (?, ?, ?)",
    [](const Row& row) -> Item {
      return {row.get<std::string>("title"), "text", row.get<std::string>("body"), row.get<int64_t>("created")};
    }};

const Page kProducts = {"/products",
                        "Products",
                        kProductForm,
                        {{"name", "Name"}, {"price", "Price", 200, Rule::price}},
                        "SELECT name, price_cents, created FROM products ORDER BY id DESC LIMIT 50",
                        "INSERT INTO products (name, price_cents, created) VALUES (?, ?, ?)",
                        [](const Row& row) -> Item {
                          return {row.get<std::string>("name"), "price", price_text(row.get<int64_t>("price_cents")),
                                  row.get<int64_t>("created")};
                        }};

const Page kUsers = {
    "/users",
    "Users",
    kUserForm,
    {{"name", "Name"}, {"email", "Email", 200, Rule::email}},
    "SELECT name, email, created FROM users ORDER BY id DESC LIMIT 50",
    "INSERT INTO users (name, email, created) VALUES (?, ?, ?)",
    [](const Row& row) -> Item {
      return {row.get<std::string>("name"), "email", row.get<std::string>("email"), row.get<int64_t>("created")};
    }};

Response html_page(std::string html, int status = 200) {
  return Response::html(std::move(html), status).header("Cache-Control", "no-store");
}

Response show(const Page& page, Database& db, const Entry& entry, int status) {
  std::vector<Item> items;
  for (const Row& row : db.query(page.select)) items.push_back(page.item(row));
  std::vector<std::pair<std::string, std::string>> values;
  for (size_t i = 0; i < page.fields.size(); ++i) values.emplace_back(page.fields[i].name, entry.values[i]);
  return html_page(list_page(page.path, page.title, page.form, values, entry.errors, items), status);
}

Response add(const Page& page, Database& db, const Entry& entry) {
  if (!entry.errors.empty()) return show(page, db, entry, 422);
  const std::string& first = entry.values[0];
  const std::string& second = entry.values[1];
  int64_t now = std::time(nullptr);
  if (page.fields[1].rule == Rule::price) {
    db.execute(page.insert, first, cents_of(second), now);
  } else {
    db.execute(page.insert, first, second, now);
  }
  return Response::see_other(page.path)
      .header("Content-Type", "text/html; charset=utf-8")
      .header("Cache-Control", "no-store");
}

Response database_fault(const Page& page, const Request& request, const DatabaseError& error) {
  std::fprintf(stderr, "%s %s: %s\n", std::string(request.method()).c_str(), page.path.c_str(), error.what());
  std::string html =
      error.outcome_unknown()
          ? message_page(
                "Perhaps stored",
                "The connection to the database broke while your entry was being stored. Please look at the list "
                "before you send it again.")
          : message_page("Database unavailable", "The database did not answer. Please try again in a moment.");
  return html_page(std::move(html), 503).header("Retry-After", "2");
}

// The two handlers of a page; the database's faults are a page too.
auto lister(const Page& page, std::shared_ptr<Tables> tables) {
  return [&page, tables](Request& request) {
    try {
      return show(page, tables->ready(request.db()), {std::vector<std::string>(page.fields.size()), {}}, 200);
    } catch (const DatabaseError& error) {
      return database_fault(page, request, error);
    }
  };
}

auto adder(const Page& page, std::shared_ptr<Tables> tables) {
  return [&page, tables](Request& request) {
    Entry entry = read_entry(request, page.fields);
    try {
      return add(page, tables->ready(request.db()), entry);
    } catch (const DatabaseError& error) {
      return database_fault(page, request, error);
    }
  };
}

Response health(Request& request, Tables& tables) {
  try {
    // A real row: a database that cannot serve still answers SELECT 1.
    tables.ready(request.db()).query("SELECT id FROM posts ORDER BY id DESC LIMIT 1");
    return Response::text("ok\n").header("Cache-Control", "no-store");
  } catch (const DatabaseError& error) {
    std::fprintf(stderr, "/healthz: %s\n", error.what());
    return Response::text("database unavailable\n", 503).header("Cache-Control", "no-store");
  }
}

Response error_page(const Request&, int status) {
  std::string_view title = "Not found", text = "There is no page at this address.";
  switch (status) {
    case 405:
      title = "Method not allowed", text = "This page cannot be used that way.";
      break;
    case 413:
      title = "Too long", text = "The form is longer than 64 KiB.";
      break;
    case 415:
      title = "Not a form", text = "This page takes only forms.";
      break;
    default:
      if (status >= 500) title = "Something went wrong", text = "That is our fault, and it is in the log.";
  }
  return html_page(message_page(title, text));
}

}  // namespace

}  // namespace foobar

void trimaran_app(App& app) {
  using namespace foobar;
  auto tables = std::make_shared<Tables>();
  app.body_limit(kFormBytesMax);
  app.error_page(error_page);
  app.get("/healthz", [tables](Request& request) { return health(request, *tables); });
  app.get("/posts", lister(kPosts, tables)).post("/posts", adder(kPosts, tables));
  app.get("/products", lister(kProducts, tables)).post("/products", adder(kProducts, tables));
  app.get("/users", lister(kUsers, tables)).post("/users", adder(kUsers, tables));
}
