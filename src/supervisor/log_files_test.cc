#include "supervisor/log_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace trimaran {
namespace {

class LogFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/trimaran-logs-XXXXXX";
    folder_ = ::mkdtemp(path);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string text(const std::string& name) { return read_file(folder_ + "/" + name).value_or(""); }

  std::string folder_;
  LogFiles files_;
};

TEST_F(LogFilesTest, LinesAreAppendedAndTheFileIsClosedToOthers) {
  ASSERT_TRUE(write_file(folder_ + "/shop.log", "before\n", 0600));
  auto sink = files_.open(folder_ + "/shop.log");
  ASSERT_TRUE(sink) << sink.error().message;
  (*sink)->line("app shop.test/1", "hello");
  EXPECT_EQ(text("shop.log").substr(0, 7), "before\n");
  EXPECT_NE(text("shop.log").find("Z app shop.test/1 | hello\n"), std::string::npos);
  EXPECT_EQ(files_.open(folder_ + "/shop.log").value(), *sink) << "the same for every service";
  ASSERT_TRUE(files_.open(folder_ + "/new.log"));
  struct stat st {};
  ASSERT_EQ(::stat((folder_ + "/new.log").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07, 0u);
}

// Its user may remove the file there, but neither read nor change what is in it.
TEST_F(LogFilesTest, InAFolderOfTheApplicationsUserTheFileIsStillOurs) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has another user's folder";
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(::chown(folder_.c_str(), kNobody, kNobody), 0);
  ASSERT_TRUE(files_.open(folder_ + "/shop.log"));
  struct stat st {};
  ASSERT_EQ(::stat((folder_ + "/shop.log").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, ::geteuid());
  EXPECT_EQ(st.st_gid, ::getegid());
  EXPECT_EQ(st.st_mode & 027, 0u);
}

TEST_F(LogFilesTest, AfterARotationItIsOpenedByItsNameAgain) {
  auto sink = files_.open(folder_ + "/shop.log");
  ASSERT_TRUE(sink);
  std::filesystem::rename(folder_ + "/shop.log", folder_ + "/shop.log.1");
  (*sink)->line("app", "old");
  EXPECT_TRUE(files_.reopen().empty());
  (*sink)->line("app", "new");
  EXPECT_NE(text("shop.log.1").find("old"), std::string::npos);
  EXPECT_NE(text("shop.log").find("new"), std::string::npos);
  EXPECT_EQ(text("shop.log").find("old"), std::string::npos);
}

TEST_F(LogFilesTest, NobodyLeadsUsToAnotherFile) {
  ASSERT_TRUE(write_file(folder_ + "/secret", "secret"));
  std::filesystem::create_symlink(folder_ + "/secret", folder_ + "/link.log");
  std::filesystem::create_hard_link(folder_ + "/secret", folder_ + "/hard.log");
  ASSERT_EQ(::mkfifo((folder_ + "/pipe.log").c_str(), 0600), 0);
  for (const char* name : {"/link.log", "/hard.log", "/pipe.log", "/missing/shop.log"}) {
    EXPECT_FALSE(files_.open(folder_ + name)) << name;
  }
  EXPECT_EQ(text("secret"), "secret");
}

TEST(LogSinkOnAFullDisk, DropsLinesAndNeverWaits) {
  Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  LogSink sink(full.get());
  for (int i = 0; i < 1000; ++i) sink.line("app", "line");
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Fd ours(ends[0]), theirs(ends[1]);
  sink.use(theirs.get());  // there is room again
  sink.line("app", "after");
  char buffer[512];
  ssize_t n = ::read(ours.get(), buffer, sizeof buffer);
  std::string text(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  EXPECT_NE(text.find("1000 log lines were dropped"), std::string::npos) << text;
  EXPECT_NE(text.find("app | after\n"), std::string::npos);
}

}  // namespace
}  // namespace trimaran
