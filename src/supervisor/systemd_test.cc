#include "supervisor/systemd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace trimaran {
namespace {

TEST(Notice, ReadsWhatMariadbSends) {
  Notice notice = parse_notice("STATUS=To recover: 376 pages\nEXTEND_TIMEOUT_USEC=30000000\n");
  EXPECT_FALSE(notice.ready);
  EXPECT_EQ(notice.extend_ms, 30'000);
  EXPECT_EQ(notice.status, "To recover: 376 pages");
  EXPECT_TRUE(parse_notice("READY=1\nSTATUS=Taking your SQL requests now...\n").ready);
  EXPECT_TRUE(parse_notice("STOPPING=1").stopping);
  EXPECT_FALSE(parse_notice("READY=0").ready);
}

TEST(Notice, NonsenseIsNothingAndMoreTimeHasALimit) {
  EXPECT_FALSE(parse_notice("").ready);
  EXPECT_FALSE(parse_notice("READY\n=1\nX=READY=1").ready);
  EXPECT_EQ(parse_notice("EXTEND_TIMEOUT_USEC=-1").extend_ms, 0);
  EXPECT_EQ(parse_notice("EXTEND_TIMEOUT_USEC=18446744073709551615").extend_ms, 3'600'000);
}

TEST(NoticeSocket, HearsTheProcessItIsForAndNoOther) {
  auto socket = NoticeSocket::open();
  ASSERT_TRUE(socket) << socket.error().message;
  ASSERT_EQ(socket->address()[0], '@');
  pid_t stranger = ::fork();
  if (stranger == 0) {
    Notifier(socket->address()).send("READY=1");
    ::_exit(0);
  }
  ::waitpid(stranger, nullptr, 0);
  EXPECT_FALSE(socket->receive(::getpid()));
  Notifier(socket->address()).send("READY=1");
  auto notice = socket->receive(::getpid());
  ASSERT_TRUE(notice);
  EXPECT_TRUE(notice->ready);
  EXPECT_FALSE(socket->receive(::getpid()));
}

// Whoever finds its name may send to it, and could do so without end.
TEST(NoticeSocket, StrangersAreHeardOutAFewAtATime) {
  auto socket = NoticeSocket::open();
  ASSERT_TRUE(socket) << socket.error().message;
  pid_t stranger = ::fork();
  if (stranger == 0) {
    for (int i = 0; i < NoticeSocket::kNoticesAtOnce; ++i) Notifier(socket->address()).send("READY=1");
    ::_exit(0);
  }
  ::waitpid(stranger, nullptr, 0);
  Notifier(socket->address()).send("READY=1");
  EXPECT_FALSE(socket->receive(::getpid()));
  EXPECT_TRUE(socket->receive(::getpid()));
}

TEST(Notifier, WithoutAManagerNothingHappens) {
  Notifier("").send("READY=1");
  Notifier("/nonexistent/notify").send("READY=1");
}

// With more descriptors promised than came the supervisor closed its own epoll, and went round in circles for ever.
TEST(InheritedSockets, WhatWeHaveOpenedIsNotTakenForOneThatCame) {
  Fd came(::socket(AF_INET, SOCK_STREAM, 0)), ours(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Fd loop(::epoll_create1(EPOLL_CLOEXEC));
  int last = std::max({came.get(), ours.get(), loop.get()});
  // Whatever else this test was started with is not its to close.
  for (int fd = 3; fd <= last; ++fd) {
    int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && fd != came.get()) ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
  }
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", std::to_string(last - 3 + 2).c_str(), 1);
  auto sockets = inherited_sockets();
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ASSERT_EQ(sockets.size(), 1u);
  EXPECT_EQ(sockets[0].fd.get(), came.release()) << "it has one owner";
  EXPECT_GE(::fcntl(ours.get(), F_GETFD), 0);
  EXPECT_GE(::fcntl(loop.get(), F_GETFD), 0);
}

}  // namespace
}  // namespace trimaran
