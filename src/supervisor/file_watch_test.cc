#include "supervisor/file_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace trimaran {
namespace {

constexpr Millis kDeadlineMs = 60'000;

class FileWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/trimaran-watch-XXXXXX";
    folder_ = ::mkdtemp(path);
    for (const char* name : {"package", ".git", "__pycache__", "state"}) make_folder(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void make_folder(const std::string& name) { std::filesystem::create_directories(folder_ + "/" + name); }
  void write(const std::string& name, const std::string& text = "x") {
    ASSERT_TRUE(write_file(folder_ + "/" + name, text));
  }
  // The first change that is told after this call, relative to the folder.
  std::string next_change() {
    told_.clear();
    Millis end = monotonic_ms() + kDeadlineMs;
    while (told_.empty() && monotonic_ms() < end) loop_.run_once(20);
    return told_.empty() ? "nothing" : told_.front().substr(folder_.size() + 1);
  }

  std::string folder_;
  EventLoop loop_;
  std::vector<std::string> told_;
};

TEST_F(FileWatchTest, TellsOfEachChangeOnceItIsQuiet) {
  FileWatch watch(loop_, {folder_ + "/state"}, [this](const std::string& path) { told_.push_back(path); });
  ASSERT_TRUE(watch.watch(folder_));
  EXPECT_TRUE(watch.complete());
  write("package/views.py");
  EXPECT_EQ(next_change().substr(0, 8), "package/");
  for (int i = 0; i < 50; ++i) write("many" + std::to_string(i) + ".py");
  next_change();
  EXPECT_EQ(told_.size(), 1u) << "fifty files are one change";
  std::filesystem::remove(folder_ + "/package/views.py");
  EXPECT_EQ(next_change(), "package/views.py");
}

TEST_F(FileWatchTest, AFolderThatIsNewIsWatchedToo) {
  FileWatch watch(loop_, {}, [this](const std::string& path) { told_.push_back(path); });
  ASSERT_TRUE(watch.watch(folder_));
  make_folder("fresh");
  EXPECT_EQ(next_change(), "fresh");
  write("fresh/models.py");
  EXPECT_EQ(next_change().substr(0, 6), "fresh/");
}

TEST_F(FileWatchTest, WhatNobodyEditsIsPassedOver) {
  FileWatch watch(loop_, {folder_ + "/state"}, [this](const std::string& path) { told_.push_back(path); });
  ASSERT_TRUE(watch.watch(folder_));
  for (const char* name : {".git/index", "__pycache__/a.pyc", "state/file", "site.db", "site.db-wal", "app.log"}) {
    std::ofstream(folder_ + "/" + name) << "x";
  }
  write("last.py");
  EXPECT_EQ(next_change().substr(0, 4), "last") << "the only one that was told";
}

TEST_F(FileWatchTest, BeyondItsDepthItSaysThatItIsNotComplete) {
  std::string deep = "d";
  for (int i = 0; i <= FileWatch::kDepthMax; ++i) deep += "/d";
  make_folder(deep);
  FileWatch watch(loop_, {}, [](const std::string&) {});
  ASSERT_TRUE(watch.watch(folder_));
  EXPECT_FALSE(watch.complete());
}

TEST(IsIgnored, KnowsTheTracesOfEditorsAndDatabases) {
  for (const char* name : {".git", "node_modules", ".venv", "a.py~", ".a.py.swp", "4913", "x.sqlite3"})
    EXPECT_TRUE(is_ignored(name)) << name;
  for (const char* name : {"a.py", "templates", "git", "site.html", ".env"}) EXPECT_FALSE(is_ignored(name)) << name;
}

}  // namespace
}  // namespace trimaran
