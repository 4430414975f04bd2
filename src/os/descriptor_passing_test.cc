#include "os/descriptor_passing.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "os/testing.h"

namespace trimaran {
namespace {

struct DescriptorPassing : testing::Test {
  DescriptorPassing() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    mine = Fd(fds[0]);
    theirs = Fd(fds[1]);
  }
  std::string receive() {
    came.reset();
    char bytes[100];
    ssize_t n = receive_bytes(theirs.get(), bytes, came);
    return n > 0 ? std::string(bytes, static_cast<size_t>(n)) : "";
  }
  Fd mine, theirs;
  std::optional<Fd> came;
};

TEST_F(DescriptorPassing, ADescriptorComesWithItsBytesAndEndsTheRead) {
  Fd file = *make_memfd("x", "content");
  ASSERT_EQ(::send(mine.get(), "a", 1, 0), 1);
  ASSERT_EQ(send_bytes(mine.get(), "bcd", file), 3);
  ASSERT_EQ(::send(mine.get(), "e", 1, 0), 1);
  EXPECT_EQ(receive(), "abcd");
  ASSERT_TRUE(came && *came);
  EXPECT_EQ(*read_memfd(*came), "content");
  EXPECT_EQ(receive(), "e");
  EXPECT_FALSE(came);
  EXPECT_EQ(receive(), "");
}

TEST_F(DescriptorPassing, WithoutRoomForADescriptorItIsKnownToBeLost) {
  Fd file = *make_memfd("x", "content");
  ASSERT_EQ(send_bytes(mine.get(), "a", file), 1);
  std::string bytes;
  {
    Shortage none;
    bytes = receive();
  }
  EXPECT_EQ(bytes, "a");
  ASSERT_TRUE(came);
  EXPECT_FALSE(*came);
}

}  // namespace
}  // namespace trimaran
