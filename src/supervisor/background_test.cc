// Blocking work beside a loop.
#include "supervisor/background.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/time.h"

namespace trimaran {
namespace {

constexpr Millis kDeadlineMs = 60'000;

void run_until(EventLoop& loop, const std::function<bool()>& done) {
  for (Millis end = monotonic_ms() + kDeadlineMs; !done();) {
    ASSERT_LT(monotonic_ms(), end);
    loop.run_once(20);
  }
}

TEST(Background, WhatFollowsRunsInTheLoop) {
  EventLoop loop;
  Background background(loop);
  std::thread::id worked, followed;
  ASSERT_TRUE(background.run([&](std::stop_token) {
    worked = std::this_thread::get_id();
    return [&] { followed = std::this_thread::get_id(); };
  }));
  EXPECT_TRUE(background.busy());
  run_until(loop, [&] { return followed != std::thread::id(); });
  EXPECT_EQ(followed, std::this_thread::get_id());
  EXPECT_NE(worked, followed);
  EXPECT_FALSE(background.busy());
}

TEST(Background, OneWorkMayFollowAnother) {
  EventLoop loop;
  Background background(loop);
  int steps = 0;
  ASSERT_TRUE(background.run([&](std::stop_token) {
    return [&] {
      ++steps;
      ASSERT_TRUE(background.run([&](std::stop_token) { return [&] { ++steps; }; }));
    };
  }));
  run_until(loop, [&] { return steps == 2; });
}

TEST(Background, ItsEndStopsTheWorkAndNothingFollows) {
  EventLoop loop;
  std::atomic<bool> stopped = false;
  bool followed = false;
  {
    Background background(loop);
    ASSERT_TRUE(background.run([&](std::stop_token stop) {
      while (!stop.stop_requested()) std::this_thread::yield();
      stopped = true;
      return [&] { followed = true; };
    }));
  }
  EXPECT_TRUE(stopped);
  loop.run_once(0);
  EXPECT_FALSE(followed);
}

TEST(Background, AfterItsEndItMayWorkAgain) {
  EventLoop loop;
  Background background(loop);
  bool first = false, second = false;
  ASSERT_TRUE(background.run([&](std::stop_token) { return [&] { first = true; }; }));
  background.end();
  EXPECT_FALSE(background.busy());
  ASSERT_TRUE(background.run([&](std::stop_token) { return [&] { second = true; }; }));
  run_until(loop, [&] { return second; });
  EXPECT_FALSE(first);
}

}  // namespace
}  // namespace trimaran
