#include "pool/pool.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

namespace trimaran::pool {
namespace {

using Outcome = Pool::Outcome;

struct TestWaiter final : Waiter {
  void on_granted(TargetId target, bool) override { granted = target; }
  void on_refused() override { refused = true; }
  TargetId granted = 0;
  bool refused = false;
};

struct PoolTest : testing::Test {
  EventLoop loop;
  std::vector<EventLoop*> loops{&loop};
  Pool pool{loops, PoolLimits{.queue_max = 2}};
  void deliver() { loop.run_once(0); }
};

TEST_F(PoolTest, TheLeastBusyAnswersAndTiesRotate) {
  pool.add_target(0, 1, 1, 2);
  pool.add_target(0, 2, 1, 2);
  TestWaiter w[4];
  TargetId first = pool.acquire(0, w[0]).target, second = pool.acquire(0, w[1]).target;
  EXPECT_NE(first, second);
  pool.release(first, 5'000);
  EXPECT_EQ(pool.acquire(0, w[2]).target, first);
}

TEST_F(PoolTest, RequestsWaitInOrderUpToTheLimit) {
  pool.add_target(0, 1, 1, 1);
  TestWaiter running, a, b, c;
  EXPECT_EQ(pool.acquire(0, running).outcome, Outcome::granted);
  EXPECT_EQ(pool.acquire(0, a).outcome, Outcome::queued);
  EXPECT_EQ(pool.acquire(0, b).outcome, Outcome::queued);
  EXPECT_EQ(pool.acquire(0, c).outcome, Outcome::full);
  pool.release(1, 50'000);
  deliver();
  EXPECT_EQ(a.granted, 1u);
  EXPECT_EQ(b.granted, 0u);
  pool.release(1, 50'000);
  deliver();
  EXPECT_EQ(b.granted, 1u);
}

TEST_F(PoolTest, OneThatComesAgainGoesFirstWhateverTheLimit) {
  pool.add_target(0, 1, 1, 1);
  TestWaiter running, a, b, again;
  pool.acquire(0, running);
  pool.acquire(0, a);
  pool.acquire(0, b);
  EXPECT_EQ(pool.acquire(0, again, true).outcome, Outcome::queued);
  pool.release(1, -1);
  deliver();
  EXPECT_EQ(again.granted, 1u);
  pool.cancel(a);
  pool.cancel(b);
}

TEST_F(PoolTest, AGrantThatNobodyTakesIsGivenToTheNext) {
  pool.add_target(0, 1, 1, 1);
  TestWaiter running, gone, next;
  pool.acquire(0, running);
  pool.acquire(0, gone);
  pool.acquire(0, next);
  pool.release(1, 50'000);  // granted to `gone`, not delivered yet
  pool.cancel(gone);
  deliver();
  EXPECT_EQ(gone.granted, 0u);
  EXPECT_EQ(next.granted, 1u);
}

TEST(PoolPrefetch, OnlyAFastTargetThatAnswersGetsRequestsInAdvance) {
  EventLoop loop;
  static int64_t now;
  now = 1'000'000;
  std::vector<EventLoop*> loops{&loop};
  Pool pool(loops, PoolLimits{}, [] { return now; });
  pool.add_target(0, 1, 1, 1);
  TestWaiter w;
  ASSERT_EQ(pool.acquire(0, w).outcome, Outcome::granted);
  for (int i = 0; i < 30; ++i) {  // proves itself fast
    pool.release(1, 20);
    ASSERT_EQ(pool.acquire(0, w).outcome, Outcome::granted);
  }
  pool.release(1, 20);
  ASSERT_FALSE(pool.acquire(0, w).prefetched);
  int in_advance = 0;
  while (pool.acquire(0, w).outcome == Outcome::granted) ++in_advance;
  EXPECT_EQ(in_advance, kPrefetch);
  pool.cancel(w);
  pool.release(1, 20);
  now += kProgressUs;  // it has not answered for so long: it is stuck in something slow
  EXPECT_EQ(pool.acquire(0, w).outcome, Outcome::queued);
  pool.cancel(w);
}

TEST_F(PoolTest, AFreshTargetGetsNothingInAdvance) {
  pool.add_target(0, 1, 1, 1);
  TestWaiter a, b;
  EXPECT_EQ(pool.acquire(0, a).outcome, Outcome::granted);
  EXPECT_EQ(pool.acquire(0, b).outcome, Outcome::queued);
  pool.cancel(b);
}

TEST_F(PoolTest, WithoutTargetsRequestsWaitUnlessTheApplicationIsBroken) {
  TestWaiter waiting, late;
  EXPECT_EQ(pool.acquire(0, waiting).outcome, Outcome::queued);
  // The reason comes with the state: apart, a request between them was refused without being told why.
  pool.set_state(PoolState::broken, {"SyntaxError", "Traceback"});
  EXPECT_EQ(pool.trouble().reason, "SyntaxError");
  deliver();
  EXPECT_TRUE(waiting.refused);
  EXPECT_EQ(pool.acquire(0, late).outcome, Outcome::broken);
  pool.set_state(PoolState::starting);
  EXPECT_EQ(pool.trouble().reason, "");
  EXPECT_EQ(pool.acquire(0, late).outcome, Outcome::queued);
  pool.add_target(0, 7, 1, 1);
  deliver();
  EXPECT_EQ(late.granted, 7u);
}

TEST_F(PoolTest, ARetiredTargetGetsNothingNew) {
  pool.add_target(0, 1, 1, 1);
  pool.retire_target(1);
  TestWaiter w;
  EXPECT_EQ(pool.acquire(0, w).outcome, Outcome::queued);
  pool.cancel(w);
  EXPECT_EQ(pool.numbers().queued, 0u);
}

TEST_F(PoolTest, AnyGenerationServesUntilSharesAreKnown) {
  pool.add_target(0, 1, 7, 1);
  pool.add_target(0, 2, 8, 1);
  TestWaiter a, b;
  TargetId first = pool.acquire(0, a).target, second = pool.acquire(0, b).target;
  EXPECT_EQ(first + second, 3u);
  EXPECT_TRUE(pool.has_share(7));
}

TEST_F(PoolTest, SharesAreExactAndEvenlySpread) {
  pool.add_target(0, 1, 7, 1);
  pool.add_target(0, 2, 8, 1);
  pool.set_shares({{7, 90}, {8, 10}});
  int of_new = 0, since = 0, longest = 0;
  for (int i = 1; i <= 1000; ++i) {
    TestWaiter w;
    TargetId target = pool.acquire(0, w).target;
    pool.release(target, 5'000);
    of_new += target == 2;
    since = target == 2 ? 0 : since + 1;
    longest = std::max(longest, since);
    EXPECT_LE(std::abs(10 * of_new - i), 10) << "after " << i;
  }
  EXPECT_EQ(of_new, 100);
  EXPECT_LE(longest, 14);  // 5 before the first and 9 between them, were there no rounding at 50 %
}

TEST_F(PoolTest, TiesRotateWithinAGeneration) {
  for (TargetId id = 1; id <= 4; ++id) pool.add_target(0, id, id <= 2 ? 7 : 8, 1);
  pool.set_shares({{7, 50}, {8, 50}});
  int got[5] = {};
  for (int i = 0; i < 40; ++i) {
    TestWaiter w;
    TargetId target = pool.acquire(0, w).target;
    pool.release(target, 5'000);
    ++got[target];
  }
  for (TargetId id = 1; id <= 4; ++id) EXPECT_EQ(got[id], 10) << id;
}

TEST_F(PoolTest, AGenerationWithoutAShareGetsNothingAndWithOneItGetsWhatWaits) {
  pool.add_target(0, 1, 7, 4);
  pool.add_target(0, 2, 8, 1);
  pool.set_shares({{8, 100}});
  TestWaiter a, b;
  EXPECT_EQ(pool.acquire(0, a).target, 2u);
  EXPECT_EQ(pool.acquire(0, b).outcome, Outcome::queued);
  EXPECT_FALSE(pool.has_share(7));
  EXPECT_EQ(pool.numbers().targets, 2u);
  EXPECT_EQ(pool.numbers().capacity, 1u);
  pool.set_shares({{7, 100}});  // rollback
  deliver();
  EXPECT_EQ(b.granted, 1u);
}

TEST_F(PoolTest, AFullGenerationPassesItsTurnOnAndIsNotFloodedAfterwards) {
  pool.add_target(0, 1, 7, 1);
  pool.add_target(0, 2, 8, 20);
  pool.set_shares({{7, 50}, {8, 50}});
  TestWaiter held, w;
  while (pool.acquire(0, held).target != 1) {
  }
  for (int i = 0; i < 10; ++i) ASSERT_EQ(pool.acquire(0, w).target, 2u);
  pool.release(1, 5'000);
  int of_old = 0;
  for (int i = 0; i < 10; ++i) {
    TargetId target = pool.acquire(0, w).target;
    pool.release(target, 5'000);
    of_old += target == 1;
  }
  EXPECT_EQ(of_old, 5);
}

TEST_F(PoolTest, WhatWaitsGoesToWhicheverGenerationHasRoomFirst) {
  pool.add_target(0, 1, 7, 1);
  pool.add_target(0, 2, 8, 1);
  pool.set_shares({{7, 99}, {8, 1}});
  TestWaiter a, b, waiting;
  pool.acquire(0, a);
  pool.acquire(0, b);
  ASSERT_EQ(pool.acquire(0, waiting).outcome, Outcome::queued);
  pool.release(2, 50'000);
  deliver();
  EXPECT_EQ(waiting.granted, 2u);
}

TEST_F(PoolTest, PausedRequestsWaitWithinTheLimitAndResumeHandsThemOut) {
  pool.add_target(0, 1, 1, 4);
  pool.set_state(PoolState::paused);
  TestWaiter a, b, c;
  EXPECT_EQ(pool.acquire(0, a).outcome, Outcome::queued);
  EXPECT_EQ(pool.acquire(0, b).outcome, Outcome::queued);
  EXPECT_EQ(pool.acquire(0, c).outcome, Outcome::full);
  EXPECT_EQ(pool.acquire(0, c, true).outcome, Outcome::queued);  // one that comes again waits too
  pool.set_state(PoolState::serving);
  deliver();
  EXPECT_EQ(a.granted, 1u);
  EXPECT_EQ(b.granted, 1u);
  EXPECT_EQ(c.granted, 1u);
}

TEST_F(PoolTest, ABrokenApplicationIsNotSavedByWarmOrRetiredTargets) {
  pool.add_target(0, 1, 7, 1);
  pool.add_target(0, 2, 8, 1);
  pool.set_shares({{8, 100}});
  pool.set_state(PoolState::broken);
  TestWaiter a, b;
  ASSERT_EQ(pool.acquire(0, a).outcome, Outcome::granted);
  ASSERT_EQ(pool.acquire(0, b).outcome, Outcome::queued);
  pool.retire_target(2);
  deliver();
  EXPECT_TRUE(b.refused);
}

TEST(PoolThreads, AThreadIsGivenOnlyTargetsItCanReach) {
  EventLoop first, second;
  std::vector<EventLoop*> loops{&first, &second};
  Pool pool(loops, PoolLimits{});
  pool.add_target(1, 9, 1, 1);
  TestWaiter a, b;
  EXPECT_EQ(pool.acquire(0, a).outcome, Outcome::queued);
  pool.cancel(a);
  EXPECT_EQ(pool.acquire(1, b).outcome, Outcome::granted);
}

// Once it left those behind it asleep beside a free target.
TEST(PoolThreads, TheFirstThatGivesUpMakesWayForTheNext) {
  EventLoop first, second;
  std::vector<EventLoop*> loops{&first, &second};
  Pool pool(loops, PoolLimits{});
  pool.add_target(1, 9, 1, 1);
  TestWaiter lacks_a_channel, next;
  EXPECT_EQ(pool.acquire(0, lacks_a_channel).outcome, Outcome::queued);
  EXPECT_EQ(pool.acquire(1, next).outcome, Outcome::queued);
  pool.cancel(lacks_a_channel);
  second.run_once(0);
  EXPECT_EQ(next.granted, 9u);
}

}  // namespace
}  // namespace trimaran::pool
