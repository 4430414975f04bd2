#include "supervisor/strays.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "os/process.h"

namespace trimaran {
namespace {

constexpr int kDeadlineMs = 60'000;

bool is_ended_child(pid_t pid) {
  auto ended = ended_children();
  return std::find(ended.begin(), ended.end(), pid) != ended.end();
}

// A shell that leaves a child behind, whose number it says, and ends.
pid_t leave_an_orphan(const std::string& what) {
  int line[2];
  EXPECT_EQ(::pipe(line), 0);
  Fd read_end(line[0]), write_end(line[1]);
  auto shell = spawn({.argv = {"/bin/sh", "-c", what + " >/dev/null & echo $!"}, .descriptors = {{1, line[1]}}});
  EXPECT_TRUE(shell);
  write_end.reset();
  char text[32] = {};
  EXPECT_GT(::read(line[0], text, sizeof text - 1), 0);
  pollfd ended{shell->pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, kDeadlineMs), 1);
  EXPECT_TRUE(try_reap(shell->pid));
  return static_cast<pid_t>(std::atoi(text));
}

TEST(Strays, AnOrphanThatHasEndedIsReaped) {
  ASSERT_TRUE(adopt_orphans());
  pid_t orphan = leave_an_orphan("true");
  EventLoop loop;
  Strays strays(loop, 10);
  for (Millis end = monotonic_ms() + kDeadlineMs; ::kill(orphan, 0) == 0;) {
    ASSERT_LT(monotonic_ms(), end);
    loop.run_once(20);
  }
}

TEST(Strays, AWholePausePassesBetweenTheSuspicionAndTheEnd) {
  constexpr Millis kPauseMs = 100;
  auto child = spawn({.argv = {"/bin/true"}});
  ASSERT_TRUE(child);
  pollfd ended{child->pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, kDeadlineMs), 1);
  Millis start = monotonic_ms();
  EventLoop loop;
  Strays strays(loop, kPauseMs);
  while (is_ended_child(child->pid)) {
    ASSERT_LT(monotonic_ms(), start + kDeadlineMs);
    loop.run_once(20);
  }
  EXPECT_GE(monotonic_ms() - start, 2 * kPauseMs - 1) << "an owner of it has a pause to reap it in";
}

TEST(Strays, AChildWithAnOwnerIsLeftToIt) {
  auto child = spawn({.argv = {"/bin/true"}});
  ASSERT_TRUE(child);
  pollfd ended{child->pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, kDeadlineMs), 1);
  EXPECT_TRUE(is_ended_child(child->pid));
  EventLoop loop;
  Strays strays(loop, 10'000);
  loop.run_once(0);
  auto exit = try_reap(child->pid);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 0);
}

TEST(AdoptedChild, IsAChildOfOursAndOfTheUserThatSaysSo) {
  ASSERT_TRUE(adopt_orphans());
  pid_t orphan = leave_an_orphan("exec sleep 60");
  EXPECT_FALSE(adopted_child(orphan, ::geteuid() + 1));
  EXPECT_FALSE(adopted_child(::getpid(), ::geteuid()));
  EXPECT_FALSE(adopted_child(0, ::geteuid()));
  auto process = adopted_child(orphan, ::geteuid());
  ASSERT_TRUE(process) << process.error().message;
  ::kill(orphan, SIGKILL);
  pollfd ended{process->pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, kDeadlineMs), 1);
  auto exit = try_reap(orphan);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->to_string(), "was killed by signal 9 (KILL)");
}

}  // namespace
}  // namespace trimaran
