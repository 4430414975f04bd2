#include "supervisor/cron_timer.h"

#include <gtest/gtest.h>

namespace trimaran {
namespace {

constexpr std::time_t kMinute = 60, kHour = 3600, kDay = 24 * kHour;

// The tests count in UTC days from 1970, so they say what they mean in any time zone whose offset is whole hours.
CronTimer timer(const char* schedule, std::time_t now) {
  std::string why;
  auto parsed = parse_cron_schedule(schedule, why);
  EXPECT_TRUE(parsed) << why;
  return CronTimer(*parsed, now);
}

TEST(CronTimer, IsDueOnceForEachMinuteOfItsSchedule) {
  CronTimer job = timer("* * * * *", 90);
  EXPECT_EQ(job.wait(90), 30);
  EXPECT_FALSE(job.due(119));
  EXPECT_TRUE(job.due(120));
  EXPECT_FALSE(job.due(120)) << "the same minute";
  EXPECT_FALSE(job.due(179));
  EXPECT_TRUE(job.due(181)) << "a second late";
  EXPECT_EQ(job.next(), 240);
}

TEST(CronTimer, ItsFirstTimeIsAfterItsStart) {
  CronTimer job = timer("* * * * *", 120);
  EXPECT_FALSE(job.due(120));
  EXPECT_EQ(job.next(), 180);
}

TEST(CronTimer, LooksOnceAMinuteHoweverFarItsNextTimeIs) {
  CronTimer job = timer("@yearly", 10 * kDay);
  EXPECT_EQ(job.wait(10 * kDay), CronTimer::kLookSeconds);
  EXPECT_EQ(timer("0 0 30 2 *", 0).wait(0), CronTimer::kLookSeconds) << "30 February never comes";
}

TEST(CronTimer, WhatAShortJumpForwardMissedIsMadeUpForOnce) {
  CronTimer job = timer("*/5 * * * *", 100 * kDay);
  EXPECT_TRUE(job.due(100 * kDay + 32 * kMinute)) << "six times have passed, one of them within an hour";
  EXPECT_FALSE(job.due(100 * kDay + 33 * kMinute));
  EXPECT_EQ(job.next(), 100 * kDay + 35 * kMinute);
}

TEST(CronTimer, ALongJumpForwardLeavesOutWhatItMissed) {
  CronTimer job = timer("0 * * * *", 100 * kDay + kMinute);
  EXPECT_FALSE(job.due(103 * kDay + 30 * kMinute));
  EXPECT_EQ(job.next(), 103 * kDay + kHour);
}

TEST(CronTimer, AClockThatIsSetBackALittleRunsNothingTwice) {
  CronTimer job = timer("0 * * * *", 100 * kDay - kMinute);
  EXPECT_TRUE(job.due(100 * kDay));
  EXPECT_FALSE(job.due(100 * kDay - 2));
  EXPECT_FALSE(job.due(100 * kDay));
  EXPECT_TRUE(job.due(100 * kDay + kHour));
}

TEST(CronTimer, AClockThatIsSetBackFarStartsOver) {
  CronTimer job = timer("0 * * * *", 100 * kDay);
  EXPECT_FALSE(job.due(90 * kDay + kMinute));
  EXPECT_EQ(job.next(), 90 * kDay + kHour);
  EXPECT_TRUE(job.due(90 * kDay + kHour));
}

}  // namespace
}  // namespace trimaran
