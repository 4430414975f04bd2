#include "front/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace trimaran::front {
namespace {

// Read through a pipe, so that each write() is seen.
struct AccessLogTest : testing::Test {
  AccessLogTest() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    out = Fd(ends[0]);
    EXPECT_GE(::fcntl(out.get(), F_SETPIPE_SZ, 1 << 20), 1 << 20);
    clock.update(loop.now());
    log.set_file(Fd(ends[1]));
  }
  std::string written() {
    std::string bytes(1 << 20, 0);
    ssize_t n = ::read(out.get(), bytes.data(), bytes.size());
    bytes.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return bytes;
  }

  Fd out;
  EventLoop loop;
  Clock clock;
  AccessLog log{loop, clock};
};

TEST_F(AccessLogTest, TheLongestLineFitsBehindAnAlmostFullBuffer) {
  std::string ugly(2 * AccessLog::kFieldBytesMax, '\xff');
  http::RequestHead head;
  head.method_token = head.target = ugly;
  head.headers = {{"Referer", ugly}, {"User-Agent", ugly}};
  std::string client = "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]";
  AccessRecord longest{client, head, -1, UINT64_MAX, INT64_MAX, ugly, ugly};
  log.write(longest);
  log.flush();
  size_t length = written().size();
  EXPECT_GT(length, 6 * 4 * AccessLog::kFieldBytesMax);
  EXPECT_LE(length, AccessLog::kLineBytesMax);

  http::RequestHead small;
  small.method_token = "GET";
  small.target = "/";
  AccessRecord shortest{"::", small, 200, 0, 0, "", ""};
  log.write(shortest);
  log.flush();
  size_t line = written().size();
  size_t lines = (AccessLog::kBufferBytes - 1) / line;
  for (size_t i = 0; i < lines; ++i) log.write(shortest);
  EXPECT_EQ(written(), "");
  log.write(longest);
  std::string all = written();
  EXPECT_EQ(all.size(), lines * line + length);
  EXPECT_EQ(static_cast<size_t>(std::count(all.begin(), all.end(), '\n')), lines + 1);
}

}  // namespace
}  // namespace trimaran::front
