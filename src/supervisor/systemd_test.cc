#include "supervisor/systemd.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

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

}  // namespace
}  // namespace trimaran
