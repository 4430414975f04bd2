// What both engines promise alike: the same tests run on SQLite and on a private MariaDB server, which the test creates
// and starts as facts/database.md found, as an unprivileged user, with a unix socket only.
#include "trimaran/database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <list>
#include <mutex>
#include <thread>

#include "base/time.h"
#include "host/connection.h"
#include "os/process.h"

namespace trimaran {
namespace {

constexpr Millis kPatienceMs = 100'000;  // creating and starting a server on a busy machine

// A mariadbd of our own in a folder of its own.
class MariadbServer {
 public:
  static bool installed() { return ::access("/usr/sbin/mariadbd", X_OK) == 0; }

  explicit MariadbServer(std::string folder) : folder_(std::move(folder)) {
    // A tmpdir of its own: a server that starts removes the temporary tables of all that share one.
    std::string temporary = folder_ + "/tmp";
    EXPECT_EQ(::mkdir(temporary.c_str(), 0700), 0);
    if (::getuid() == 0) {
      auto user = find_user("www-data");
      user_ = user ? *user : *find_user("nobody");
      for (const std::string& path : {folder_, temporary}) {
        EXPECT_EQ(::chown(path.c_str(), user_->uid, user_->gid), 0);
      }
    }
    std::ofstream(folder_ + "/my.cnf")
        << "[mariadbd]\ndatadir=" << folder_ << "/data\ntmpdir=" << temporary << "\nsocket=" << socket()
        << "\npid-file=" << folder_ << "/pid\nlog-error=" << folder_
        << "/log\nskip-networking\nskip-name-resolve\ncharacter-set-server=utf8mb4\n"
           "innodb_buffer_pool_size=32M\ninnodb_log_file_size=8M\nperformance_schema=OFF\n";
    run({"/usr/bin/mariadb-install-db", "--defaults-file=" + folder_ + "/my.cnf",
         "--auth-root-authentication-method=socket", "--auth-root-socket-user=" + current_user().name, "--skip-test-db",
         "--skip-name-resolve"});
    start();
    // Before anything else can use it.
    host::make_mariadb({socket(), current_user().name, "mysql"})
        ->execute("CREATE DATABASE site CHARACTER SET utf8mb4", {});
  }
  ~MariadbServer() { stop(SIGKILL); }

  std::string socket() const { return folder_ + "/db.sock"; }
  std::string url() const { return "mysql://" + current_user().name + "@localhost/site?unix_socket=" + socket(); }

  void start() {
    auto process = spawn(options({"/usr/sbin/mariadbd", "--defaults-file=" + folder_ + "/my.cnf"}));
    ASSERT_TRUE(process) << process.error().message;
    server_ = std::move(*process);
    wait_until_it_answers();
  }
  void stop(int signal) {
    if (server_.pid <= 0) return;
    ::kill(server_.pid, signal);
    wait(server_);
    server_ = {};
  }

 private:
  SpawnOptions options(std::vector<std::string> argv) {
    SpawnOptions options;
    options.argv = std::move(argv);
    options.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    options.directory = folder_;
    options.user = user_;
    options.descriptors = {{1, output_.get()}, {2, output_.get()}};
    return options;
  }
  void run(std::vector<std::string> argv) {
    auto process = spawn(options(std::move(argv)));
    ASSERT_TRUE(process) << process.error().message;
    EXPECT_EQ(wait(*process), 0);
  }
  static int wait(const Process& process) {
    pollfd ended{process.pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, kPatienceMs), 1);
    auto exit = try_reap(process.pid);
    return exit ? exit->code : -1;
  }
  // Ready means that it answers: the socket file may be a stale one. A new connection waits by itself.
  void wait_until_it_answers() {
    Millis deadline = monotonic_ms() + kPatienceMs;
    while (true) {
      try {
        host::make_mariadb({socket(), current_user().name, "mysql"})->query("SELECT 1", {});
        return;
      } catch (const DatabaseError& error) {
        ASSERT_LT(monotonic_ms(), deadline) << error.what();
      }
    }
  }

  std::string folder_;
  Fd output_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};  // its log file says more
  std::optional<Credentials> user_;
  Process server_;
};

// Stands before the server, so that a connection breaks when the test says so, and the next one is there at once: how
// long a real server takes to start is not the subject, and on a busy machine it is longer than anybody waits for it.
class Relay {
 public:
  Relay(std::string path, std::string server) : path_(std::move(path)), server_(std::move(server)) {
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = address_of(path_);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    accepting_ = std::thread([this] { accept_all(); });
  }
  ~Relay() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    accepting_.join();
    cut();
    for (std::thread& pump : pumps_) pump.join();
  }

  std::string url() const { return "mysql://" + current_user().name + "@localhost/site?unix_socket=" + path_; }
  // As a server that is being started: so many of the next connections end before a word is said.
  void refuse(int times) { to_refuse_ = times; }
  int refused() const { return refused_; }
  int connected() const { return connected_; }
  // Every connection that there is ends.
  void cut() {
    std::lock_guard lock(mutex_);
    for (const Fd& end : ends_) ::shutdown(end.get(), SHUT_RDWR);
  }

 private:
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  void accept_all() {
    while (true) {
      Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      if (to_refuse_ > 0) {
        --to_refuse_;
        ++refused_;
        continue;
      }
      Fd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_un address = address_of(server_);
      if (::connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) continue;
      ++connected_;
      std::lock_guard lock(mutex_);
      pumps_.emplace_back(pump, client.get(), server.get());
      ends_.push_back(std::move(client));
      ends_.push_back(std::move(server));
    }
  }
  // Bytes both ways until one side ends.
  static void pump(int one, int other) {
    char buffer[64 * 1024];
    for (bool open = true; open;) {
      pollfd ends[] = {{one, POLLIN, 0}, {other, POLLIN, 0}};
      ::poll(ends, 2, -1);
      for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)}) {
        if (ends[from == one ? 0 : 1].revents == 0) continue;
        ssize_t n = ::recv(from, buffer, sizeof buffer, 0);
        open = open && n > 0 && ::send(to, buffer, static_cast<size_t>(n), MSG_NOSIGNAL) == n;
      }
    }
    for (int end : {one, other}) ::shutdown(end, SHUT_RDWR);
  }

  std::string path_, server_;
  std::atomic<int> to_refuse_ = 0, refused_ = 0, connected_ = 0;
  Fd listener_;
  std::mutex mutex_;
  std::list<Fd> ends_;
  std::list<std::thread> pumps_;
  std::thread accepting_;
};

std::string make_folder() {
  char folder[] = "/tmp/database_test.XXXXXX";
  EXPECT_NE(::mkdtemp(folder), nullptr);
  return folder;
}

class DatabaseTest : public testing::TestWithParam<Engine> {
 protected:
  // One server for all tests of this file: creating one takes half a second.
  static void SetUpTestSuite() {
    if (!MariadbServer::installed()) return;
    server_folder_ = make_folder();
    server_ = std::make_unique<MariadbServer>(server_folder_);
  }
  static void TearDownTestSuite() {
    server_.reset();
    if (!server_folder_.empty()) std::filesystem::remove_all(server_folder_);
  }

  void SetUp() override {
    if (GetParam() == Engine::mariadb && !server_) GTEST_SKIP() << "mariadb-server-core is not installed";
    folder_ = make_folder();
    db_ = std::make_unique<Database>(url());
    db_->execute("DROP TABLE IF EXISTS things");
    db_->execute(
        GetParam() == Engine::sqlite
            ? "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, weight DOUBLE, data BLOB)"
            : "CREATE TABLE things (id BIGINT AUTO_INCREMENT PRIMARY KEY, name TEXT, weight DOUBLE, data LONGBLOB)");
  }
  void TearDown() override {
    db_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string url() const {
    return GetParam() == Engine::sqlite ? "sqlite:///" + folder_ + "/site.db" : server_->url();
  }
  int64_t count() { return db_->query_row("SELECT COUNT(*) FROM things")->get<int64_t>(0); }

  static inline std::string server_folder_;
  static inline std::unique_ptr<MariadbServer> server_;
  std::string folder_;
  std::unique_ptr<Database> db_;
};

INSTANTIATE_TEST_SUITE_P(On, DatabaseTest, testing::Values(Engine::sqlite, Engine::mariadb),
                         [](const auto& test) { return test.param == Engine::sqlite ? "Sqlite" : "Mariadb"; });

TEST_P(DatabaseTest, WhatIsStoredComesBack) {
  std::string bytes("\0\xff\x80;'", 5);
  auto added =
      db_->execute("INSERT INTO things (name, weight, data) VALUES (?, ?, ?)", "Ümläut 🚤 ' -- ?", 2.5, Blob{bytes});
  EXPECT_EQ(added.affected_rows, 1);
  EXPECT_EQ(added.last_insert_id, 1);
  auto row = db_->query_row("SELECT id, name, weight, data FROM things WHERE id = ?", 1);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->get<int64_t>("id"), 1);
  EXPECT_EQ(row->get<std::string>("NAME"), "Ümläut 🚤 ' -- ?");
  EXPECT_EQ(row->get<double>(2), 2.5);
  EXPECT_EQ(row->get<std::string>("data"), bytes);
  EXPECT_EQ(row->name(3), "data");
}

TEST_P(DatabaseTest, ExtremeValuesComeBack) {
  std::string long_text(300'000, 'x');
  db_->execute("INSERT INTO things (id, name, data) VALUES (?, ?, ?)", INT64_MAX, std::string_view(), long_text);
  auto row = db_->query_row("SELECT * FROM things");
  EXPECT_EQ(row->get<int64_t>("id"), INT64_MAX);
  EXPECT_EQ(row->get<std::string>("name"), "");  // empty, not NULL
  EXPECT_EQ(row->get<std::string>("data"), long_text);
  EXPECT_THROW(db_->query("SELECT ?", UINT64_MAX), DatabaseError);
}

TEST_P(DatabaseTest, NullIsAnOptional) {
  db_->execute("INSERT INTO things (name, weight) VALUES (?, ?)", nullptr, std::optional<double>());
  auto row = db_->query_row("SELECT name, weight FROM things");
  EXPECT_TRUE(row->is_null("name"));
  EXPECT_EQ(row->get<std::optional<std::string>>("name"), std::nullopt);
  EXPECT_EQ(row->get<std::optional<double>>("weight"), std::nullopt);
  EXPECT_THROW(row->get<std::string>("name"), DatabaseError);
}

TEST_P(DatabaseTest, AValueOfTheWrongTypeIsAnError) {
  auto row = db_->query_row("SELECT 'abc' AS word, 300 AS number, '42' AS digits");
  EXPECT_THROW(row->get<int64_t>("word"), DatabaseError);
  EXPECT_THROW(row->get<int8_t>("number"), DatabaseError);
  EXPECT_EQ(row->get<int>("number"), 300);
  EXPECT_EQ(row->get<int>("digits"), 42);
  EXPECT_EQ(row->get<std::string>("number"), "300");
  EXPECT_THROW(row->get<int>("nowhere"), DatabaseError);
  EXPECT_THROW(row->get<int>(3), DatabaseError);
}

TEST_P(DatabaseTest, RowsComeInOrderAndNoRowIsNothing) {
  for (int i = 1; i <= 100; ++i) db_->execute("INSERT INTO things (name) VALUES (?)", "thing " + std::to_string(i));
  int expected = 100;
  for (const Row& row : db_->query("SELECT id, name FROM things ORDER BY id DESC")) {
    EXPECT_EQ(row.get<std::string>("name"), "thing " + std::to_string(expected--));
  }
  EXPECT_EQ(expected, 0);
  EXPECT_FALSE(db_->query_row("SELECT id FROM things WHERE id = ?", 101));
  EXPECT_EQ(db_->query("SELECT id FROM things LIMIT ?", 3).size(), 3u);
}

TEST_P(DatabaseTest, AnUpdateCountsTheRowsItFound) {
  db_->execute("INSERT INTO things (name) VALUES ('a'), ('a'), ('b')");
  EXPECT_EQ(db_->execute("UPDATE things SET name = ? WHERE name = ?", "a", "a").affected_rows, 2);
  EXPECT_EQ(db_->execute("DELETE FROM things WHERE name = 'zzz'").affected_rows, 0);
  EXPECT_EQ(db_->execute("DROP TABLE IF EXISTS no_such_table").last_insert_id, 0);
}

TEST_P(DatabaseTest, AWrongStatementIsAnErrorWithItsText) {
  try {
    db_->query("SELEKT 1");
    FAIL();
  } catch (const DatabaseError& error) {
    EXPECT_NE(std::string(error.what()).find("SELEKT 1"), std::string::npos) << error.what();
    EXPECT_NE(error.code(), 0);
    EXPECT_FALSE(error.outcome_unknown());
  }
  EXPECT_THROW(db_->query("SELECT ?"), DatabaseError);
  EXPECT_THROW(db_->query("SELECT 1", 1), DatabaseError);
  EXPECT_THROW(db_->execute("DELETE FROM things; DELETE FROM things"), DatabaseError);
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseTest, ATransactionIsKeptWholeOrNotAtAll) {
  {
    Transaction transaction = db_->begin();
    db_->execute("INSERT INTO things (name) VALUES ('lost')");
    EXPECT_EQ(count(), 1);
    EXPECT_THROW((void)db_->begin(), DatabaseError);
  }
  EXPECT_EQ(count(), 0);
  Transaction transaction = db_->begin();
  db_->execute("INSERT INTO things (name) VALUES ('kept')");
  transaction.commit();
  EXPECT_THROW(transaction.commit(), DatabaseError);
  EXPECT_EQ(Database(url()).query_row("SELECT name FROM things")->get<std::string>(0), "kept");
}

TEST_P(DatabaseTest, AResultThatIsTooLargeIsRefused) {
  std::string mebibyte(1 << 20, 'x');
  db_->execute("INSERT INTO things (data) VALUES (?)", mebibyte);
  std::string sql = "SELECT a.data FROM things a";
  for (int i = 0; i < 7; ++i) sql += ", (SELECT 1 AS n UNION SELECT 2) t" + std::to_string(i);  // 128 rows of it
  EXPECT_THROW(db_->query(sql), DatabaseError);
  EXPECT_EQ(db_->query(sql + " LIMIT 3").size(), 3u);  // the connection goes on
}

TEST_P(DatabaseTest, ADatabaseBelongsToOneThread) {
  db_->query("SELECT 1");
  EXPECT_THROW(std::async(std::launch::async, [&] { db_->query("SELECT 1"); }).get(), DatabaseError);
}

TEST_P(DatabaseTest, WritersOfManyThreadsWaitForEachOther) {
  constexpr int kThreads = 4, kRows = 25;
  std::vector<std::thread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([this] {
      Database db(url());
      for (int i = 0; i < kRows; ++i) {
        Transaction transaction = db.begin();
        db.execute("INSERT INTO things (name) VALUES ('x')");
        transaction.commit();
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(count(), kThreads * kRows);
}

class SqliteTest : public DatabaseTest {
 protected:
  static void SetUpTestSuite() {}  // needs no server
};
INSTANTIATE_TEST_SUITE_P(On, SqliteTest, testing::Values(Engine::sqlite), [](const auto&) { return "Sqlite"; });

TEST_P(SqliteTest, IsSetUpForSafetyAndForManyConnections) {
  EXPECT_EQ(db_->query_row("PRAGMA journal_mode")->get<std::string>(0), "wal");
  EXPECT_EQ(db_->query_row("PRAGMA synchronous")->get<int>(0), 2);  // FULL
  EXPECT_EQ(db_->query_row("PRAGMA foreign_keys")->get<int>(0), 1);
  EXPECT_EQ(db_->query_row("PRAGMA busy_timeout")->get<int>(0), 5000);
}

TEST_P(SqliteTest, ManyFirstConnectionsToANewFileSucceed) {
  std::string fresh = "sqlite:///" + folder_ + "/fresh.db";
  std::vector<std::future<void>> first;
  for (int i = 0; i < 8; ++i) {
    first.push_back(
        std::async(std::launch::async, [&] { Database(fresh).execute("CREATE TABLE IF NOT EXISTS t (x)"); }));
  }
  for (auto& one : first) EXPECT_NO_THROW(one.get());
}

class MariadbTest : public DatabaseTest {
 protected:
  void restart(int signal) {
    server_->stop(signal);
    server_->start();
  }
  // Until the server is in the middle of the statement. The state is asked for too: the list shows the text while the
  // statement is still being prepared, and a write of which only that was lost is rightly sent again.
  void wait_until_it_runs(std::string_view statement, std::string_view state) {
    Millis deadline = monotonic_ms() + kPatienceMs;
    while (db_->query("SELECT 1 FROM information_schema.processlist WHERE state = ? AND info LIKE ?", state, statement)
               .empty()) {
      ASSERT_LT(monotonic_ms(), deadline);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(On, MariadbTest, testing::Values(Engine::mariadb), [](const auto&) { return "Mariadb"; });

TEST_P(MariadbTest, ARestartBetweenStatementsIsNotSeen) {
  db_->execute("INSERT INTO things (name) VALUES ('before')");
  restart(SIGTERM);
  EXPECT_EQ(count(), 1);
  restart(SIGKILL);
  // Nothing of this write was sent on the dead connection, so it may go to the new one.
  EXPECT_EQ(db_->execute("INSERT INTO things (name) VALUES (?)", "after").last_insert_id, 2);
}

TEST_P(MariadbTest, AServerThatIsBeingStartedIsWaitedFor) {
  Relay relay(folder_ + "/relay.sock", server_->socket());
  relay.refuse(3);
  EXPECT_EQ(Database(relay.url()).query("SELECT 1").size(), 1u);
  EXPECT_EQ(relay.refused(), 3);
}

TEST_P(MariadbTest, AServerThatStaysAwayIsWaitedForOnce) {
  Relay relay(folder_ + "/relay.sock", server_->socket());
  Database db(relay.url());
  relay.refuse(INT_MAX);
  EXPECT_THROW(db.query("SELECT 1"), DatabaseError);
  int tried = relay.refused();
  EXPECT_GT(tried, 1);
  EXPECT_THROW(db.query("SELECT 1"), DatabaseError);
  EXPECT_EQ(relay.refused(), tried + 1) << "one look, and no wait";
  relay.refuse(0);
  EXPECT_EQ(db.query("SELECT 1").size(), 1u);
}

TEST_P(MariadbTest, AServerThatIsNotThereIsAnError) {
  server_->stop(SIGTERM);
  EXPECT_THROW(count(), DatabaseError);
  server_->start();
  EXPECT_EQ(count(), 0);
}

TEST_P(MariadbTest, AWriteThatWasUnderWayHasAnUnknownOutcome) {
  auto write = std::async(std::launch::async, [this] {
    try {
      Database(url()).execute("INSERT INTO things (name) VALUES (SLEEP(60))");
      return false;
    } catch (const DatabaseError& error) {
      return error.outcome_unknown();
    }
  });
  wait_until_it_runs("INSERT INTO things%", "User sleep");
  restart(SIGKILL);
  EXPECT_TRUE(write.get());
  EXPECT_EQ(count(), 0);
}

TEST_P(MariadbTest, AReadThatWasUnderWayIsRepeated) {
  Relay relay(folder_ + "/relay.sock", server_->socket());
  db_->query("SELECT GET_LOCK('gate', 0)");
  auto read = std::async(std::launch::async,
                         [&] { return Database(relay.url()).query("SELECT 1 WHERE GET_LOCK('gate', 60) = 1").size(); });
  wait_until_it_runs("SELECT 1 WHERE GET_LOCK%", "User lock");
  relay.cut();
  db_->query("SELECT RELEASE_LOCK('gate')");
  EXPECT_EQ(read.get(), 1u);
  EXPECT_EQ(relay.connected(), 2);
}

TEST_P(MariadbTest, ATransactionThatTheServerLostStaysLost) {
  {
    Transaction transaction = db_->begin();
    db_->execute("INSERT INTO things (name) VALUES ('first half')");
    restart(SIGKILL);
    EXPECT_THROW(db_->execute("INSERT INTO things (name) VALUES ('second half')"), DatabaseError);
    EXPECT_THROW(db_->execute("INSERT INTO things (name) VALUES ('second half')"), DatabaseError);
    EXPECT_THROW(transaction.commit(), DatabaseError);
  }
  EXPECT_EQ(count(), 0);
}

TEST_P(MariadbTest, NumbersBeyondInt64AndDecimalsAreExact) {
  auto row = db_->query_row(
      "SELECT 18446744073709551615 AS big, CAST('1.10' AS DECIMAL(5,2)) AS price, DATE('2026-11-22') AS day");
  EXPECT_EQ(row->get<std::string>("big"), "18446744073709551615");
  EXPECT_EQ(row->get<std::string>("price"), "1.10");
  EXPECT_EQ(row->get<std::string>("day"), "2026-11-22");
}

TEST(DatabaseUrl, ThatIsWrongIsSaidOnUse) {
  for (auto url :
       {"", "postgres://x", "mysql://user@localhost/db", "mysql://user@elsewhere/db?unix_socket=/x", "sqlite:///%zz"}) {
    Database db(url);
    EXPECT_THROW(db.query("SELECT 1"), DatabaseError) << url;
  }
}

}  // namespace
}  // namespace trimaran
