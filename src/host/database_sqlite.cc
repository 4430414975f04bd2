// SQLite in this process. Writers of several threads and processes wait for each other inside SQLite (busy_timeout),
// and every acknowledged write is on disk (synchronous=FULL; facts: 10,000 commits a second, so the safe choice is fast
// enough to be the only one).
#include <fmt/format.h>
#include <sqlite3.h>

#include <thread>

#include "base/time.h"
#include "host/connection.h"
#include "host/statement_cache.h"

namespace trimaran::host {

namespace {

constexpr int kBusyMs = 5000;  // that a write waits for the other writers

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct CloseStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, CloseStatement>;

// A prepared statement is ready for its next use, and holds no lock, when this ends.
struct ResetLater {
  sqlite3_stmt* statement;
  ~ResetLater() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);  // what was bound was only borrowed
  }
};

class SqliteConnection final : public Connection {
 public:
  explicit SqliteConnection(std::string path) : path_(std::move(path)) {}
  Engine engine() const override { return Engine::sqlite; }

  Rows query(std::string_view sql, std::span<const Parameter> parameters) override {
    sqlite3_stmt* statement = start(sql, parameters);
    ResetLater reset{statement};
    auto columns = std::make_shared<Row::Columns>();
    for (int i = 0; i < sqlite3_column_count(statement); ++i) columns->push_back(sqlite3_column_name(statement, i));
    Rows rows;
    ResultBudget budget;
    while (step(statement)) {
      std::vector<Value> values;
      values.reserve(columns->size());
      for (int i = 0; i < static_cast<int>(columns->size()); ++i) values.push_back(column(statement, i, budget));
      rows.emplace_back(columns, std::move(values));
    }
    return rows;
  }

  Execution execute(std::string_view sql, std::span<const Parameter> parameters) override {
    sqlite3_stmt* statement = start(sql, parameters);
    ResetLater reset{statement};
    sqlite3_set_last_insert_rowid(db_.get(), 0);
    int64_t changes_before = sqlite3_total_changes64(db_.get());
    while (step(statement)) {
    }
    // sqlite3_changes64 keeps the number of an earlier statement when this one is, say, a CREATE TABLE.
    bool changed = sqlite3_total_changes64(db_.get()) != changes_before;
    return {.affected_rows = changed ? sqlite3_changes64(db_.get()) : 0,
            .last_insert_id = sqlite3_last_insert_rowid(db_.get())};
  }

  void begin() override {
    execute("BEGIN IMMEDIATE", {});  // a transaction that becomes a writer late cannot wait, only fail
    in_transaction_ = true;
  }
  void commit() override {
    execute("COMMIT", {});
    in_transaction_ = false;
  }
  void roll_back() noexcept override {
    in_transaction_ = false;
    if (db_ && !sqlite3_get_autocommit(db_.get())) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }

 private:
  [[noreturn]] void fail(std::string_view doing) {
    throw DatabaseError(fmt::format("sqlite: {}: {}", doing, sqlite3_errmsg(db_.get())),
                        sqlite3_extended_errcode(db_.get()));
  }

  void connect() {
    sqlite3* db = nullptr;
    int code =
        sqlite3_open_v2(path_.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    std::unique_ptr<sqlite3, CloseDatabase> opened(db);
    if (code != SQLITE_OK) {
      throw DatabaseError(fmt::format("sqlite: cannot open {}: {}", path_, sqlite3_errstr(code)), code);
    }
    sqlite3_busy_timeout(db, kBusyMs);
    pragma(db, "PRAGMA journal_mode=WAL");
    pragma(db, "PRAGMA synchronous=FULL");
    pragma(db, "PRAGMA foreign_keys=ON");
    db_ = std::move(opened);
  }

  // SQLite does not call its busy handler while a new file is switched to WAL, so two first connections need a loop.
  void pragma(sqlite3* db, const char* sql) {
    Millis deadline = monotonic_ms() + kBusyMs;
    int code;
    while ((code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr)) == SQLITE_BUSY && monotonic_ms() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (code != SQLITE_OK) {
      throw DatabaseError(fmt::format("sqlite: {}: {}: {}", path_, sql, sqlite3_errmsg(db)), code);
    }
  }

  Statement prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const char* tail = nullptr;
    if (sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                           &tail) != SQLITE_OK) {
      fail(sql);
    }
    Statement prepared(statement);
    std::string_view rest = sql.substr(static_cast<size_t>(tail - sql.data()));
    if (!prepared || rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
      throw DatabaseError(fmt::format("sqlite: one statement at a time: {}", sql), SQLITE_MISUSE);
    }
    return prepared;
  }

  // Connected, prepared and bound.
  sqlite3_stmt* start(std::string_view sql, std::span<const Parameter> parameters) {
    if (!db_) connect();
    // Some errors (a full disk) roll everything back by themselves; what follows must not be kept alone.
    if (in_transaction_ && sqlite3_get_autocommit(db_.get())) throw DatabaseError("sqlite: the transaction was lost");
    sqlite3_stmt* statement = statements_.get(sql, [&] { return prepare(sql); }).get();
    if (sqlite3_bind_parameter_count(statement) != static_cast<int>(parameters.size())) {
      throw DatabaseError(fmt::format("sqlite: {} values for the {} places of: {}", parameters.size(),
                                      sqlite3_bind_parameter_count(statement), sql),
                          SQLITE_RANGE);
    }
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (bind(statement, static_cast<int>(i) + 1, parameters[i]) != SQLITE_OK) fail(sql);
    }
    return statement;
  }

  static int bind(sqlite3_stmt* statement, int at, const Parameter& parameter) {
    if (auto number = std::get_if<int64_t>(&parameter)) return sqlite3_bind_int64(statement, at, *number);
    if (auto number = std::get_if<double>(&parameter)) return sqlite3_bind_double(statement, at, *number);
    // A null pointer would bind NULL, and an empty string_view may hold one.
    if (auto text = std::get_if<std::string_view>(&parameter)) {
      return sqlite3_bind_text64(statement, at, text->empty() ? "" : text->data(), text->size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    }
    if (auto blob = std::get_if<Blob>(&parameter)) {
      return sqlite3_bind_blob64(statement, at, blob->bytes.empty() ? "" : blob->bytes.data(), blob->bytes.size(),
                                 SQLITE_STATIC);
    }
    return sqlite3_bind_null(statement, at);
  }

  // False at the end.
  bool step(sqlite3_stmt* statement) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) fail(sqlite3_sql(statement));
    return false;
  }

  static Value column(sqlite3_stmt* statement, int at, ResultBudget& budget) {
    budget.add(sizeof(Value));
    switch (sqlite3_column_type(statement, at)) {
      case SQLITE_INTEGER:
        return static_cast<int64_t>(sqlite3_column_int64(statement, at));
      case SQLITE_FLOAT:
        return sqlite3_column_double(statement, at);
      case SQLITE_NULL:
        return Null();
      default:
        break;
    }
    auto bytes = static_cast<const char*>(sqlite3_column_blob(statement, at));  // of a text: its UTF-8
    auto size = static_cast<size_t>(sqlite3_column_bytes(statement, at));
    budget.add(size);
    return std::string(bytes ? bytes : "", size);
  }

  std::string path_;
  std::unique_ptr<sqlite3, CloseDatabase> db_;
  StatementCache<Statement> statements_;  // closed before db_
  bool in_transaction_ = false;
};

}  // namespace

std::unique_ptr<Connection> make_sqlite(std::string path) {
  return std::make_unique<SqliteConnection>(std::move(path));
}

}  // namespace trimaran::host
