#include "supervisor/open_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace trimaran {
namespace {

class OpenLogTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/trimaran-log-XXXXXX";
    folder_ = ::mkdtemp(path);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

// The access log was opened without this look: a pipe in its place held the supervisor, and with it every service.
TEST_F(OpenLogTest, APipeThatNobodyReadsHoldsNobody) {
  ASSERT_EQ(::mkfifo((folder_ + "/access.log").c_str(), 0600), 0);
  EXPECT_FALSE(open_log(folder_ + "/access.log"));
}

// A folder on the way may be the application's too, who could put a link to any other in its place.
TEST_F(OpenLogTest, NobodyElsesLinkOnTheWayIsFollowed) {
  std::filesystem::create_directory(folder_ + "/real");
  std::filesystem::create_directory_symlink("real", folder_ + "/ours");
  EXPECT_TRUE(open_log(folder_ + "/ours/shop.log"));
  EXPECT_TRUE(open_log(folder_ + "/ours/../real//shop.log"));
  std::filesystem::create_directory_symlink("loop", folder_ + "/loop");
  EXPECT_FALSE(open_log(folder_ + "/loop/shop.log"));
  if (::geteuid() != 0) GTEST_SKIP() << "only root makes another user's link";
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(::lchown((folder_ + "/ours").c_str(), kNobody, kNobody), 0);
  auto led = open_log(folder_ + "/ours/access.log");
  ASSERT_FALSE(led);
  EXPECT_NE(led.error().message.find(folder_ + "/ours"), std::string::npos) << led.error().message;
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/real/access.log"));
}

}  // namespace
}  // namespace trimaran
