// MariaDB over a unix socket, with Connector/C (LGPL, linked dynamically) and its prepared statements.
//
// A connection that broke has three meanings. Before the statement was sent (the connection was found dead, or error
// 2006, which is a failed write: a server never runs half a packet) nothing was done: connect again and send it. After
// it was sent (2013), a read is repeated once and a write is of unknown outcome. In a transaction everything before is
// rolled back by the server, so the transaction is lost, whatever the statement was.
#include <errmsg.h>
#include <fmt/format.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <poll.h>

#include <algorithm>
#include <thread>

#include "base/strings.h"
#include "base/time.h"
#include "host/connection.h"
#include "host/mariadb_result.h"
#include "host/statement_cache.h"

namespace trimaran::host {

namespace {

constexpr unsigned kConnectSeconds = 5;
constexpr unsigned kAnswerSeconds = 60;  // a statement that takes longer is given up; its outcome is unknown
constexpr Millis kReconnectMs = 2000;    // that a restarting server is waited for (facts: back in 0.13 s after a crash)
constexpr Millis kReconnectPauseMs = 20;

struct CloseConnection {
  void operator()(MYSQL* mysql) const { mysql_close(mysql); }
};
struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};
using Statement = std::unique_ptr<MYSQL_STMT, CloseStatement>;

struct FreeResultLater {
  MYSQL_STMT* statement;
  ~FreeResultLater() { mysql_stmt_free_result(statement); }
};

// Whether the server ended the connection: the client's own two codes, and what a server that stops still says.
bool is_lost(int code) {
  return code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST || code == ER_SERVER_SHUTDOWN ||
         code == ER_CONNECTION_KILLED || code == ER_NEW_ABORTING_CONNECTION;
}
// Whether a server that is being started answers so (or does not answer at all).
bool is_starting(int code) { return code == CR_CONNECTION_ERROR || code == CR_CONN_HOST_ERROR || is_lost(code); }

// Whether running it twice is the same as running it once.
bool is_read(std::string_view sql) {
  sql = sql.substr(std::min(sql.size(), sql.find_first_not_of(" \t\r\n(")));
  std::string_view word = sql.substr(0, sql.find_first_of(" \t\r\n("));
  constexpr std::string_view kReads[] = {"select", "show", "describe", "explain", "values", "with"};
  return std::ranges::any_of(kReads, [&](std::string_view read) { return iequals(word, read); });
}

class MariadbConnection final : public Connection {
 public:
  explicit MariadbConnection(MariadbPlace place) : place_(std::move(place)) {}
  ~MariadbConnection() override { disconnect(); }
  Engine engine() const override { return Engine::mariadb; }

  Rows query(std::string_view sql, std::span<const Parameter> parameters) override {
    return run(sql, parameters, [](MYSQL_STMT* statement) { return read_rows(statement); });
  }

  Execution execute(std::string_view sql, std::span<const Parameter> parameters) override {
    return run(sql, parameters, [](MYSQL_STMT* statement) {
      if (mysql_stmt_field_count(statement) > 0) return Execution();
      return Execution{.affected_rows = static_cast<int64_t>(mysql_stmt_affected_rows(statement)),
                       .last_insert_id = static_cast<int64_t>(mysql_stmt_insert_id(statement))};
    });
  }

  void begin() override {
    execute("START TRANSACTION", {});
    transaction_ = Transaction::open;
  }

  void commit() override {
    check_transaction();
    if (mysql_real_query(mysql_.get(), "COMMIT", 6) != 0) {
      DatabaseError error = last_error(mysql_errno(mysql_.get()), mysql_error(mysql_.get()), "COMMIT");
      lose_transaction(error.code());
      bool unknown = error.code() == CR_SERVER_LOST;
      throw unknown ? DatabaseError(error.what(), error.code(), DatabaseError::Outcome::unknown) : error;
    }
    transaction_ = Transaction::none;
  }

  void roll_back() noexcept override {
    bool open = transaction_ == Transaction::open;
    transaction_ = Transaction::none;
    if (open && mysql_ && mysql_real_query(mysql_.get(), "ROLLBACK", 8) != 0) disconnect();
  }

 private:
  enum class Transaction { none, open, lost };

  static DatabaseError last_error(unsigned code, std::string_view text, std::string_view doing) {
    return DatabaseError(fmt::format("mariadb: {}: {}", doing, text), static_cast<int>(code));
  }

  void disconnect() noexcept {
    statements_.clear();
    mysql_.reset();
  }

  void connect_once() {
    static const bool initialised = mysql_library_init(0, nullptr, nullptr) == 0;  // not thread-safe by itself
    std::unique_ptr<MYSQL, CloseConnection> mysql(initialised ? mysql_init(nullptr) : nullptr);
    if (!mysql) throw DatabaseError("mariadb: out of memory");
    unsigned answer = kAnswerSeconds, connect = kConnectSeconds, local_infile = 0;
    mysql_options(mysql.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(mysql.get(), MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_options(mysql.get(), MYSQL_OPT_READ_TIMEOUT, &answer);
    mysql_options(mysql.get(), MYSQL_OPT_WRITE_TIMEOUT, &answer);
    mysql_options(mysql.get(), MYSQL_OPT_LOCAL_INFILE, &local_infile);  // a server must not read our files
    // CLIENT_FOUND_ROWS: an UPDATE counts the rows it found, as SQLite does.
    if (!mysql_real_connect(mysql.get(), "localhost", place_.user.c_str(), nullptr, place_.database.c_str(), 0,
                            place_.socket.c_str(), CLIENT_FOUND_ROWS)) {
      throw last_error(mysql_errno(mysql.get()), mysql_error(mysql.get()), "cannot connect");
    }
    mysql_ = std::move(mysql);
  }

  // Waits for a server that is being restarted, but only the first time: while it stays away, every request would hold
  // its thread for so long.
  void connect() {
    Millis deadline = monotonic_ms() + (patient_ ? kReconnectMs : 0);
    while (true) {
      try {
        connect_once();
        patient_ = true;
        return;
      } catch (const DatabaseError& error) {
        if (!is_starting(error.code()) || monotonic_ms() >= deadline) {
          patient_ = false;
          throw;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(kReconnectPauseMs));
    }
  }

  // Nothing may come from an idle connection but its end.
  bool found_dead() const {
    pollfd state{.fd = static_cast<int>(mysql_get_socket(mysql_.get())), .events = POLLIN, .revents = 0};
    return ::poll(&state, 1, 0) != 0;
  }

  void check_transaction() const {
    if (transaction_ == Transaction::lost) throw DatabaseError("mariadb: the transaction was lost");
  }
  // After an error: has the server rolled back what came before?
  void lose_transaction(int code) {
    if (transaction_ == Transaction::open && (is_lost(code) || code == ER_LOCK_DEADLOCK)) {
      transaction_ = Transaction::lost;
    }
    if (is_lost(code)) disconnect();
  }

  MYSQL_STMT* prepare(std::string_view sql) {
    return statements_
        .get(sql,
             [&] {
               Statement statement(mysql_stmt_init(mysql_.get()));
               if (!statement) throw DatabaseError("mariadb: out of memory");
               if (mysql_stmt_prepare(statement.get(), sql.data(), sql.size()) != 0) {
                 throw last_error(mysql_stmt_errno(statement.get()), mysql_stmt_error(statement.get()), sql);
               }
               return statement;
             })
        .get();
  }

  // Once, on the connection there is. `sent` tells whether the server may have run it.
  template <class Read>
  auto run_once(std::string_view sql, std::span<const Parameter> parameters, Read read, bool& sent) {
    MYSQL_STMT* statement = prepare(sql);
    if (mysql_stmt_param_count(statement) != parameters.size()) {
      throw DatabaseError(fmt::format("mariadb: {} values for the {} places of: {}", parameters.size(),
                                      mysql_stmt_param_count(statement), sql));
    }
    ParameterBinds binds(parameters);
    if (mysql_stmt_bind_param(statement, binds.data()) != 0 || mysql_stmt_execute(statement) != 0) {
      DatabaseError error = last_error(mysql_stmt_errno(statement), mysql_stmt_error(statement), sql);
      sent = error.code() == CR_SERVER_LOST;
      throw error;
    }
    sent = true;
    FreeResultLater free_result{statement};
    return read(statement);
  }

  template <class Read>
  auto run(std::string_view sql, std::span<const Parameter> parameters, Read read)
      -> decltype(read(static_cast<MYSQL_STMT*>(nullptr))) {
    check_transaction();
    if (mysql_ && found_dead()) lose_transaction(CR_SERVER_GONE_ERROR);
    check_transaction();
    for (bool repeated = false;; repeated = true) {
      if (!mysql_) connect();
      bool sent = false;
      try {
        return run_once(sql, parameters, read, sent);
      } catch (const DatabaseError& error) {
        bool in_transaction = transaction_ != Transaction::none;
        lose_transaction(error.code());
        if (!is_lost(error.code()) || in_transaction) throw;
        bool read_only = is_read(sql);
        if (sent && !read_only) throw DatabaseError(error.what(), error.code(), DatabaseError::Outcome::unknown);
        if (repeated) throw;
      }
    }
  }

  MariadbPlace place_;
  std::unique_ptr<MYSQL, CloseConnection> mysql_;
  StatementCache<Statement> statements_;
  Transaction transaction_ = Transaction::none;
  bool patient_ = true;
};

}  // namespace

std::unique_ptr<Connection> make_mariadb(MariadbPlace place) {
  return std::make_unique<MariadbConnection>(std::move(place));
}

}  // namespace trimaran::host
