#include "front/rate_guard.h"

#include <gtest/gtest.h>

namespace trimaran::front {

TEST(RateGuard, NobodyIsJudgedInTheGrace) {
  RateGuard guard;
  guard.wait(1000);
  EXPECT_EQ(guard.deadline(1000, 100), 1000 + RateGuard::kGraceMs);
  EXPECT_EQ(guard.deadline(4000, 100), 1000 + RateGuard::kGraceMs);
}

TEST(RateGuard, BytesEarnTimeAndOnlyTheClientsTurnSpendsIt) {
  RateGuard guard;
  guard.add(2000);  // 20 s at 100 bytes a second
  guard.wait(0);
  guard.stop(5'000);
  guard.wait(100'000);  // the application took 95 s
  EXPECT_EQ(guard.deadline(100'000, 100), 115'000);
}

}  // namespace trimaran::front
