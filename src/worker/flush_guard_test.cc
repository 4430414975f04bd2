#include "worker/flush_guard.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

namespace trimaran::worker {
namespace {

void wait_for(const std::atomic<int>& count, int wanted) {
  for (int now; (now = count) < wanted;) count.wait(now);
}

TEST(FlushGuard, KeepsEveryPromise) {
  std::atomic<int> flushed = 0;
  FlushGuard guard([&] {
    ++flushed;
    flushed.notify_one();
  });
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(guard.watch());
    wait_for(flushed, i);
    EXPECT_EQ(flushed, i);
  }
}

TEST(FlushGuard, SleepsWhenThereIsNothingToDoAndWakesAgain) {
  std::atomic<int> flushed = 0;
  FlushGuard guard([&] {
    ++flushed;
    flushed.notify_one();
  });
  for (int i = 1; i <= 2; ++i) {
    ASSERT_TRUE(guard.watch());
    wait_for(flushed, i);
    Millis deadline = monotonic_ms() + 60'000;
    while (!guard.asleep()) ASSERT_LT(monotonic_ms(), deadline);
  }
}

TEST(FlushGuard, EndsInAForkedChildThatHasNoSuchThread) {
  auto guard = std::make_unique<FlushGuard>([] {});
  ASSERT_TRUE(guard->watch());
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(120);
    guard.reset();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(FlushGuard, MayGoWithoutEverBeingNeeded) {
  FlushGuard guard([] { FAIL(); });
}

}  // namespace
}  // namespace trimaran::worker
