#include "supervisor/reach.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace trimaran {
namespace {

class ReachTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can ask as somebody else";
    char path[] = "/tmp/trimaran-reach-XXXXXX";
    folder_ = ::mkdtemp(path);
    ::chmod(folder_.c_str(), 0755);
    std::filesystem::create_directories(folder_ + "/closed/site");
    std::filesystem::create_directories(folder_ + "/open");
    ::chmod((folder_ + "/closed").c_str(), 0700);
    ::chmod((folder_ + "/open").c_str(), 0711);
    ASSERT_TRUE(write_file(folder_ + "/open/secret.so", "", 0600));
    ASSERT_TRUE(write_file(folder_ + "/open/plain.so", "", 0644));
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string folder_;
  Credentials nobody_ = find_user("nobody").value_or(Credentials{"nobody", 65534, 65534, "/"});
};

TEST_F(ReachTest, TheFirstClosedFolderOnTheWayIsTheObstacle) {
  std::vector<Need> needs = {{folder_ + "/closed/site", Need::Kind::enter, "move"},
                             {folder_ + "/open", Need::Kind::enter, "move"},
                             {folder_ + "/open/secret.so", Need::Kind::read, "move"},
                             {folder_ + "/open/plain.so", Need::Kind::read, "move"},
                             {folder_ + "/open/plain.so", Need::Kind::execute, "move"},
                             {folder_ + "/open/not-yet/there", Need::Kind::enter, "move"}};
  auto found = find_obstacles(nobody_, needs);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[0].path, folder_ + "/closed");
  EXPECT_EQ((*found)[0].mode, 0700u);
  EXPECT_EQ((*found)[0].need, &needs[0]);
  EXPECT_EQ((*found)[1].path, folder_ + "/open/secret.so");
  EXPECT_EQ((*found)[2].need, &needs[4]);
}

TEST_F(ReachTest, ManyObstaclesAreAllReported) {
  // More than a pipe holds at once.
  std::vector<Need> needs(10'000, {folder_ + "/closed/site", Need::Kind::enter, "move"});
  auto found = find_obstacles(nobody_, needs);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->size(), needs.size());
}

}  // namespace
}  // namespace trimaran
