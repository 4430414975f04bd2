#include "front/file_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "os/testing.h"

namespace trimaran::front {
namespace {

class FileCacheTest : public ::testing::Test {
 protected:
  FileCacheTest() : folder_(std::filesystem::temp_directory_path() / ("trimaran-cache-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    clock_.update(0);
    root_.folder = folder_.string();
    root_.id = cache_.add_root();
  }
  ~FileCacheTest() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }

  std::filesystem::path folder_;
  Clock clock_;
  FileCache cache_{clock_};
  StaticRoot root_;
};

TEST_F(FileCacheTest, BelievesTheDiskForASecond) {
  write("a", "old");
  EXPECT_EQ(cache_.find(root_, "/a", 0).file->body(), "old");
  write("a", "newer");
  EXPECT_EQ(cache_.find(root_, "/a", FileCache::kFreshMs - 1).file->body(), "old");
  EXPECT_EQ(cache_.find(root_, "/a", FileCache::kFreshMs).file->body(), "newer");
  EXPECT_EQ(cache_.find(root_, "/b", 2000).kind, FileCache::Kind::missing);
  write("b", "b");
  EXPECT_EQ(cache_.find(root_, "/b", 2999).kind, FileCache::Kind::missing);
  EXPECT_EQ(cache_.find(root_, "/b", 3000).kind, FileCache::Kind::file);
}

TEST_F(FileCacheTest, AResponseKeepsItsFileWhenTheCacheDropsIt) {
  write("a", "old");
  PinnedFile sending = cache_.find(root_, "/a", 0).file;
  std::filesystem::remove(folder_ / "a");
  EXPECT_EQ(cache_.find(root_, "/a", 1000).kind, FileCache::Kind::missing);
  EXPECT_EQ(sending->body(), "old");
}

TEST_F(FileCacheTest, WithoutDescriptorsWhatItKnowsIsServedAsItIs) {
  write("a", "old");
  write("b", "b");
  ASSERT_EQ(cache_.find(root_, "/a", 0).kind, FileCache::Kind::file);
  write("a", "newer");
  std::array<FileCache::Found, 4> found;
  {
    Shortage none;
    for (size_t i = 0; i < found.size(); ++i) {
      found[i] = cache_.find(root_, i % 2 == 0 ? "/a" : "/b", FileCache::kFreshMs * static_cast<Millis>(i / 2));
    }
  }
  for (size_t i = 0; i < found.size(); i += 2) {
    ASSERT_EQ(found[i].kind, FileCache::Kind::file);
    EXPECT_EQ(found[i].file->body(), "old");
    EXPECT_EQ(found[i + 1].kind, FileCache::Kind::unavailable) << "and not missing";
  }
  EXPECT_EQ(cache_.find(root_, "/a", FileCache::kFreshMs).file->body(), "newer");
  EXPECT_EQ(cache_.find(root_, "/b", FileCache::kFreshMs).file->body(), "b");
}

TEST_F(FileCacheTest, IsBoundedInBytes) {
  std::string body(FileCache::kInMemoryMax, 'x');
  size_t enough = FileCache::kBytesMax / body.size() + 10;
  for (size_t i = 0; i < enough; ++i) {
    std::string name = "f" + std::to_string(i);
    write(name, body);
    ASSERT_EQ(cache_.find(root_, "/" + name, 0).kind, FileCache::Kind::file);
    ASSERT_LE(cache_.bytes(), FileCache::kBytesMax);
    std::filesystem::remove(folder_ / name);
  }
  EXPECT_EQ(cache_.find(root_, "/f0", 0).kind, FileCache::Kind::missing) << "the least recently used went first";
  EXPECT_EQ(cache_.find(root_, "/f" + std::to_string(enough - 1), 0).kind, FileCache::Kind::file);
  cache_.remove_root(root_.id);
  EXPECT_EQ(cache_.bytes(), 0u);
}

// Where file times have ticks, the second write may have the first one's time; here both are given one (in the future,
// so that the tick is not over on a slow machine).
TEST_F(FileCacheTest, AFileWrittenTwiceInATickShowsItsSecondText) {
  write("twice", "one");
  auto time = std::filesystem::last_write_time(folder_ / "twice") + std::chrono::hours(1);
  std::filesystem::last_write_time(folder_ / "twice", time);
  PinnedFile one = cache_.find(root_, "/twice", 0).file;
  ASSERT_EQ(one->body(), "one");
  write("twice", "two");
  std::filesystem::last_write_time(folder_ / "twice", time);
  PinnedFile two = cache_.find(root_, "/twice", FileCache::kFreshMs).file;
  EXPECT_EQ(two->body(), "two");
  EXPECT_NE(two->etag, one->etag);
}

TEST_F(FileCacheTest, LargeFilesStayOnTheDisk) {
  write("large", std::string(FileCache::kInMemoryMax + 1, 'x'));
  PinnedFile file = cache_.find(root_, "/large", 0).file;
  EXPECT_FALSE(file->in_memory());
  EXPECT_TRUE(file->fd);
}

}  // namespace
}  // namespace trimaran::front
