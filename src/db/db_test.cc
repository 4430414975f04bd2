#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "db/database_url.h"
#include "db/mariadb.h"
#include "db/programs.h"
#include "db/sqlite.h"

namespace trimaran {
namespace {

TEST(DatabaseUrl, NamesTheFileOrTheSocket) {
  EXPECT_EQ(sqlite_url("/var/lib/trimaran/foobar.com/site.db"), "sqlite:////var/lib/trimaran/foobar.com/site.db");
  EXPECT_EQ(mariadb_url("www-data", "foobar_com", "/run/my site/db.sock"),
            "mysql://www-data@localhost/foobar_com?unix_socket=/run/my%20site/db.sock");
}

TEST(Mariadb, DatabaseNamesAreUniqueAndFitTheLimit) {
  EXPECT_EQ(mariadb_database_name("foobar.com"), "foobar_com");
  EXPECT_NE(mariadb_database_name("a-b.com"), mariadb_database_name("a.b.com"));
  std::string longest(63, 'a');
  std::string one = mariadb_database_name(longest + ".com"), other = mariadb_database_name(longest + ".org");
  EXPECT_LE(one.size(), 64u);
  EXPECT_NE(one, other);
}

TEST(Mariadb, TheInitFileHasOneStatementALineAndEscapesThePattern) {
  EXPECT_EQ(mariadb_init_sql({{"foobar_com", "www-data"}}),
            "CREATE USER IF NOT EXISTS `www-data`@localhost IDENTIFIED VIA unix_socket;\n"
            "CREATE DATABASE IF NOT EXISTS `foobar_com` CHARACTER SET utf8mb4;\n"
            "GRANT ALL PRIVILEGES ON `foobar\\_com`.* TO `www-data`@localhost;\n");
}

TEST(Programs, AMissingOneNamesItsPackage) {
  EXPECT_TRUE(find_program("sh", "dash"));
  auto missing = find_program("no-such-program", "its-package");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "no-such-program is not installed; install the package its-package (apt install its-package)");
}

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/trimaran-db-XXXXXX";
    folder_ = ::mkdtemp(path);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(Folder, ANewSqliteFileIsInWalModeAndAnExistingOneIsLeftAlone) {
  std::string file = sqlite_file(folder_);
  ASSERT_TRUE(prepare_sqlite(file, std::nullopt));
  // Bytes 18 and 19 of the header: 2 is WAL (sqlite.org/fileformat.html, section 1.3.3).
  std::string header = read_file(file).value();
  ASSERT_GE(header.size(), 100u);
  EXPECT_EQ(header[18], 2);
  EXPECT_EQ(header[19], 2);
  ASSERT_TRUE(write_file(file, "the application's own"));
  ASSERT_TRUE(prepare_sqlite(file, std::nullopt));
  EXPECT_EQ(read_file(file).value(), "the application's own");
}

// A deploy copies files on a thread of its own, as root, while a reload makes the database of another site.
TEST_F(Folder, WhileADatabaseIsMadeAsItsUserOtherThreadsKeepTheirRights) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root acts as somebody else";
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(::chown(folder_.c_str(), kNobody, kNobody), 0);
  std::atomic<bool> over = false;
  std::atomic<int> looks = 0;
  uid_t seen = 0;
  std::thread other([&] {
    for (; !over; ++looks) seen = std::max(seen, ::geteuid());
  });
  while (looks == 0) std::this_thread::yield();
  Status made = prepare_sqlite(sqlite_file(folder_), Credentials{"nobody", kNobody, kNobody, "/"});
  over = true;
  other.join();
  EXPECT_TRUE(made) << made.error().message;
  EXPECT_EQ(seen, 0u);
  EXPECT_EQ(::geteuid(), 0u);
  EXPECT_EQ(::getegid(), 0u);
  struct stat st {};
  ASSERT_EQ(::stat(sqlite_file(folder_).c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, kNobody);
  EXPECT_EQ(st.st_gid, kNobody);
}

TEST_F(Folder, AFolderThatCannotBeWrittenIsNamed) {
  Status made = prepare_sqlite(folder_ + "/missing/site.db", std::nullopt);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find(folder_ + "/missing/site.db"), std::string::npos);
}

TEST_F(Folder, AnInterruptedCreationStartsOver) {
  MariadbPaths paths = MariadbPaths::in(folder_ + "/state", folder_ + "/run");
  std::filesystem::create_directories(folder_ + "/state");
  ASSERT_TRUE(prepare_mariadb(paths, std::nullopt, {{"foobar_com", "someone"}}));
  ASSERT_TRUE(write_file(paths.data_new + "/half", "a table"));
  ASSERT_TRUE(prepare_mariadb(paths, std::nullopt, {{"foobar_com", "someone"}}));
  EXPECT_FALSE(std::filesystem::exists(paths.data_new + "/half"));
  ASSERT_TRUE(commit_mariadb_install(paths));
  EXPECT_TRUE(std::filesystem::is_directory(paths.data));
  ASSERT_TRUE(prepare_mariadb(paths, std::nullopt, {{"foobar_com", "someone"}}));
  EXPECT_FALSE(std::filesystem::exists(paths.data_new)) << "a complete datadir is never made again";
}

// A mariadbd that starts removes every "#sql" file of its tmpdir: two that had /tmp broke each other.
TEST_F(Folder, TemporaryTablesAreInAFolderOfTheServersOwn) {
  MariadbPaths paths = MariadbPaths::in(folder_ + "/state", folder_ + "/run");
  std::filesystem::create_directories(folder_ + "/state");
  ASSERT_TRUE(prepare_mariadb(paths, std::nullopt, {{"foobar_com", "someone"}}));
  EXPECT_TRUE(std::filesystem::is_directory(folder_ + "/state/mariadb.tmp"));
  std::string line = "\ntmpdir=" + folder_ + "/state/mariadb.tmp\n";
  EXPECT_NE(mariadb_config(paths).find(line), std::string::npos);
  EXPECT_NE(mariadb_install_config(paths).find(line), std::string::npos);
}

TEST_F(Folder, OnlyAServerWithOurConfigurationIsASurvivor) {
  MariadbPaths paths = MariadbPaths::in(folder_ + "/state", folder_ + "/run");
  EXPECT_FALSE(find_mariadb_survivor(paths));
  std::filesystem::create_directories(paths.runtime);
  ASSERT_TRUE(write_file(paths.pid_file, std::to_string(::getpid()) + "\n"));
  EXPECT_FALSE(find_mariadb_survivor(paths)) << "that process is somebody else";
}

}  // namespace
}  // namespace trimaran
