// trimaran::Database without its engines: values, rows, DATABASE_URL, transactions.
#include "trimaran/database.h"

#include <fmt/format.h>

#include <charconv>

#include "base/strings.h"
#include "host/connection.h"

namespace trimaran {

namespace detail {

namespace {

[[noreturn]] void throw_not(std::string_view what, std::string_view column) {
  throw DatabaseError(fmt::format("column \"{}\" is not {}", column, what));
}

template <class Number>
Number number_of(std::string_view text, std::string_view what, std::string_view column) {
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) throw_not(what, column);
  return number;
}

}  // namespace

int64_t integer_of(const Value& value, std::string_view column) {
  if (auto number = std::get_if<int64_t>(&value)) return *number;
  if (auto text = std::get_if<std::string>(&value)) return number_of<int64_t>(*text, "a whole number", column);
  throw_not(std::holds_alternative<Null>(value) ? "a number but NULL (use std::optional)" : "a whole number", column);
}

double double_of(const Value& value, std::string_view column) {
  if (auto number = std::get_if<double>(&value)) return *number;
  if (auto number = std::get_if<int64_t>(&value)) return static_cast<double>(*number);
  if (auto text = std::get_if<std::string>(&value)) return number_of<double>(*text, "a number", column);
  throw_not("a number but NULL (use std::optional)", column);
}

std::string string_of(const Value& value, std::string_view column) {
  if (auto text = std::get_if<std::string>(&value)) return *text;
  if (auto number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (auto number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  throw_not("a text but NULL (use std::optional)", column);
}

void throw_out_of_range(std::string_view column) { throw_not("in the range of the integer type", column); }

}  // namespace detail

const Value& Row::value(size_t column) const {
  if (column >= values_.size()) {
    throw DatabaseError(fmt::format("there is no column {}: the result has {}", column, values_.size()));
  }
  return values_[column];
}

const std::string& Row::name(size_t column) const {
  (void)value(column);
  return (*columns_)[column];
}

size_t Row::index(std::string_view column) const {
  for (size_t i = 0; i < columns_->size(); ++i) {
    if (iequals((*columns_)[i], column)) return i;  // names of columns ignore case in both engines
  }
  throw DatabaseError(fmt::format("there is no column \"{}\"", column));
}

namespace host {

void ResultBudget::add(size_t bytes) {
  used_ += bytes;
  if (used_ > Database::kResultBytesMax) {
    throw DatabaseError(
        fmt::format("the result is larger than {} MiB; ask for less with LIMIT", Database::kResultBytesMax >> 20));
  }
}

std::unique_ptr<Connection> make_connection(std::string_view url) {
  constexpr std::string_view kSqlite = "sqlite:///", kMysql = "mysql://";
  auto decoded = [&](std::string_view text) {
    auto out = percent_decode(text);
    if (!out) throw DatabaseError(fmt::format("DATABASE_URL is malformed: {}", url));
    return *out;
  };
  if (url.empty()) throw DatabaseError("this site has no database: DATABASE_URL is not set");
  // "sqlite:///" + path; an absolute path brings the fourth slash.
  if (url.starts_with(kSqlite)) return make_sqlite(decoded(url.substr(kSqlite.size())));
  if (url.starts_with(kMysql)) {
    url.remove_prefix(kMysql.size());
    size_t at = url.find("@localhost/"), question = url.find('?');
    if (at != std::string_view::npos && question != std::string_view::npos && at < question) {
      size_t database = at + std::string_view("@localhost/").size();
      MariadbPlace place{.user = decoded(url.substr(0, at)),
                         .database = decoded(url.substr(database, question - database))};
      for (std::string_view field : split(url.substr(question + 1), '&')) {
        if (field.starts_with("unix_socket=")) place.socket = decoded(field.substr(field.find('=') + 1));
      }
      if (!place.socket.empty() && !place.database.empty()) return make_mariadb(std::move(place));
    }
  }
  throw DatabaseError(
      fmt::format("DATABASE_URL must be sqlite:////PATH or mysql://USER@localhost/DB?unix_socket=/PATH, not {}", url));
}

}  // namespace host

Database::Database(std::string url) : url_(std::move(url)) {}
Database::~Database() = default;

host::Connection& Database::connection() const {
  if (!connection_) {
    connection_ = host::make_connection(url_);
    thread_ = std::this_thread::get_id();
  }
  if (thread_ != std::this_thread::get_id()) {
    throw DatabaseError("a Database belongs to the thread that used it first; in a handler, use request.db()");
  }
  return *connection_;
}

Engine Database::engine() const { return connection().engine(); }

Rows Database::query_span(std::string_view sql, std::span<const Parameter> parameters) {
  return connection().query(sql, parameters);
}

Execution Database::execute_span(std::string_view sql, std::span<const Parameter> parameters) {
  return connection().execute(sql, parameters);
}

Transaction Database::begin() {
  if (in_transaction_) throw DatabaseError("a transaction is open already");
  connection().begin();
  in_transaction_ = true;
  return Transaction(*this);
}

Transaction::~Transaction() { roll_back(); }

void Transaction::commit() {
  if (!database_) throw DatabaseError("the transaction has ended already");
  database_->connection().commit();  // when it throws, the destructor still rolls back
  database_->in_transaction_ = false;
  database_ = nullptr;
}

void Transaction::roll_back() {
  if (!database_) return;
  database_->connection_->roll_back();
  database_->in_transaction_ = false;
  database_ = nullptr;
}

}  // namespace trimaran
