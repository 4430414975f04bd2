// The site's database: SQLite or MariaDB, the same calls for both. Statements are prepared once and kept; `?` stands
// for a value, so a value never becomes SQL.
//
//   for (const trimaran::Row& row : request.db().query("SELECT id, title FROM posts WHERE author = ?", author))
//     list += row.get<std::string>("title");
//
// A Database is one connection and belongs to the thread that uses it first. It connects by itself, and again when the
// server was restarted: a read is repeated once; a write is not when nobody knows whether the first one was stored
// (then DatabaseError::outcome_unknown). All functions throw DatabaseError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace trimaran {

namespace host {
class Connection;
}

class DatabaseError : public std::runtime_error {
 public:
  enum class Outcome { not_done, unknown };
  explicit DatabaseError(const std::string& message, int code = 0, Outcome outcome = Outcome::not_done)
      : std::runtime_error(message), code_(code), outcome_(outcome) {}
  int code() const { return code_; }  // the engine's: SQLite's extended result code, or MariaDB's error number
  // The connection broke while a write was under way: it may or may not be stored.
  bool outcome_unknown() const { return outcome_ == Outcome::unknown; }

 private:
  int code_;
  Outcome outcome_;
};

struct Null {
  bool operator==(const Null&) const = default;
};

// A value of a result. Dates, times and decimals are text, as the engine writes them; blobs are bytes in a string.
using Value = std::variant<Null, int64_t, double, std::string>;

// A value for a `?`, borrowed for the call.
struct Blob {
  std::string_view bytes;
};
using Parameter = std::variant<Null, int64_t, double, std::string_view, Blob>;

namespace detail {
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

int64_t integer_of(const Value& value, std::string_view column);
double double_of(const Value& value, std::string_view column);
std::string string_of(const Value& value, std::string_view column);
[[noreturn]] void throw_out_of_range(std::string_view column);

template <class T>
Parameter parameter(const T& value) {
  if constexpr (IsOptional<T>::value) {
    return value ? parameter(*value) : Parameter(Null());
  } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
    return Null();
  } else if constexpr (std::is_same_v<T, Null> || std::is_same_v<T, Blob> || std::is_same_v<T, Parameter>) {
    return value;
  } else if constexpr (std::is_integral_v<T>) {
    if (!std::is_same_v<T, bool> && sizeof(T) == 8 && std::is_unsigned_v<T> && value > T(INT64_MAX)) {
      throw_out_of_range("?");
    }
    return static_cast<int64_t>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(value);
  } else {
    static_assert(std::is_convertible_v<const T&, std::string_view>,
                  "a value for `?` is a number, a text, trimaran::Blob, nullptr, or a std::optional of these");
    return std::string_view(value);
  }
}
}  // namespace detail

class Row {
 public:
  using Columns = std::vector<std::string>;
  Row(std::shared_ptr<const Columns> columns, std::vector<Value> values)
      : columns_(std::move(columns)), values_(std::move(values)) {}

  // T is an integer type, double, std::string, bool, or a std::optional of one for a column that may be NULL. A value
  // that is not one (NULL, "abc" as a number, 300 as int8_t) throws.
  template <class T>
  T get(size_t column) const {
    return convert<T>(value(column), name(column));
  }
  template <class T>
  T get(std::string_view column) const {
    return get<T>(index(column));
  }
  const Value& value(size_t column) const;  // as the engine gave it
  bool is_null(std::string_view column) const { return std::holds_alternative<Null>(value(index(column))); }
  const std::string& name(size_t column) const;
  size_t size() const { return values_.size(); }

 private:
  size_t index(std::string_view column) const;

  template <class T>
  static T convert(const Value& value, const std::string& column) {
    if constexpr (detail::IsOptional<T>::value) {
      if (std::holds_alternative<Null>(value)) return std::nullopt;
      return convert<typename T::value_type>(value, column);
    } else if constexpr (std::is_same_v<T, bool>) {
      return detail::integer_of(value, column) != 0;
    } else if constexpr (std::is_integral_v<T>) {
      int64_t number = detail::integer_of(value, column);
      if (!std::in_range<T>(number)) detail::throw_out_of_range(column);
      return static_cast<T>(number);
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(detail::double_of(value, column));
    } else {
      static_assert(std::is_same_v<T, std::string>, "a column is an integer, a double, a std::string or a bool");
      return detail::string_of(value, column);
    }
  }

  std::shared_ptr<const Columns> columns_;  // one for all rows of a result; it never changes
  std::vector<Value> values_;
};

using Rows = std::vector<Row>;

struct Execution {
  int64_t affected_rows = 0;   // rows found by an UPDATE count, also when nothing in them changed
  int64_t last_insert_id = 0;  // of the row that an INSERT added
};

enum class Engine { sqlite, mariadb };

class Transaction;

class Database {
 public:
  static constexpr size_t kResultBytesMax = 64 << 20;  // a result is held in memory; a larger one needs a LIMIT
  static constexpr size_t kStatementsMax = 256;        // kept prepared for each connection, the last used ones

  // "sqlite:////absolute/site.db" or "mysql://USER@localhost/DB?unix_socket=/absolute/db.sock"; connects on first use.
  explicit Database(std::string url);
  Database(Database&&) = delete;
  ~Database();

  template <class... Values>
  Rows query(std::string_view sql, const Values&... values) {
    const Parameter parameters[] = {detail::parameter(values)..., Null()};
    return query_span(sql, std::span(parameters, sizeof...(Values)));
  }
  // The first row, or nothing.
  template <class... Values>
  std::optional<Row> query_row(std::string_view sql, const Values&... values) {
    Rows rows = query(sql, values...);
    return rows.empty() ? std::nullopt : std::optional<Row>(std::move(rows.front()));
  }
  template <class... Values>
  Execution execute(std::string_view sql, const Values&... values) {
    const Parameter parameters[] = {detail::parameter(values)..., Null()};
    return execute_span(sql, std::span(parameters, sizeof...(Values)));
  }

  // All or nothing: what this Database does while the Transaction lives is one step, kept by commit().
  [[nodiscard]] Transaction begin();

  Engine engine() const;  // for the few statements that differ, such as CREATE TABLE

  Rows query_span(std::string_view sql, std::span<const Parameter> parameters);
  Execution execute_span(std::string_view sql, std::span<const Parameter> parameters);

 private:
  friend class Transaction;
  host::Connection& connection() const;

  std::string url_;
  mutable std::unique_ptr<host::Connection> connection_;  // made on first use
  mutable std::thread::id thread_;                        // that uses it
  bool in_transaction_ = false;
};

// Rolled back at the end of its scope unless it was committed.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  // outcome_unknown when the connection broke while it was being committed.
  void commit();
  void roll_back();

 private:
  friend class Database;
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null once it has ended
};

}  // namespace trimaran
