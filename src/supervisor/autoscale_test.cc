#include "supervisor/autoscale.h"

#include <gtest/gtest.h>

namespace trimaran {
namespace {

using Workers = Autoscale::Workers;

TEST(Autoscale, GrowsByOneWhileRequestsWait) {
  Autoscale autoscale;
  EXPECT_EQ(autoscale.wanted(0, {2, 2, 4, 1}, {.busy = 2, .queued = 5}), 3u);
  EXPECT_EQ(autoscale.wanted(1'000, {3, 2, 4, 1}, {.busy = 3, .queued = 1}), 4u);
  EXPECT_EQ(autoscale.wanted(2'000, {4, 2, 4, 1}, {.busy = 4, .queued = 9}), 4u) << "workers_max";
  // Given in advance to fast workers: they wait there.
  EXPECT_EQ(autoscale.wanted(3'000, {2, 2, 4, 4}, {.busy = 9}), 3u);
}

TEST(Autoscale, StaysWhileEveryWorkerIsNeeded) {
  Autoscale autoscale;
  for (Millis now = 0; now < 10 * Autoscale::kIdleMs; now += 1'000) {
    EXPECT_EQ(autoscale.wanted(now, {3, 1, 4, 2}, {.busy = 4}), 3u);
  }
}

TEST(Autoscale, ShrinksByOneAfterAnIdleTime) {
  Autoscale autoscale;
  Workers workers{3, 1, 4, 1};
  EXPECT_EQ(autoscale.wanted(0, workers, {}), 3u);
  EXPECT_EQ(autoscale.wanted(Autoscale::kIdleMs - 1, workers, {}), 3u);
  EXPECT_EQ(autoscale.wanted(Autoscale::kIdleMs, workers, {}), 2u);
  workers.now = 2;
  EXPECT_EQ(autoscale.wanted(Autoscale::kIdleMs + 1'000, workers, {}), 2u) << "each one has the whole idle time";
  EXPECT_EQ(autoscale.wanted(2 * Autoscale::kIdleMs, workers, {}), 1u);
  workers.now = 1;
  EXPECT_EQ(autoscale.wanted(9 * Autoscale::kIdleMs, workers, {}), 1u) << "workers";
}

TEST(Autoscale, OneBusySecondStartsTheIdleTimeAnew) {
  Autoscale autoscale;
  Workers workers{2, 1, 4, 1};
  autoscale.wanted(0, workers, {});
  EXPECT_EQ(autoscale.wanted(Autoscale::kIdleMs - 1, workers, {.busy = 1}), 2u);
  EXPECT_EQ(autoscale.wanted(Autoscale::kIdleMs, workers, {}), 2u);
  EXPECT_EQ(autoscale.wanted(2 * Autoscale::kIdleMs, workers, {}), 1u);
}

}  // namespace
}  // namespace trimaran
