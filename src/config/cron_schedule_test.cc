#include "config/cron_schedule.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace trimaran {
namespace {

// Local time in these tests is Berlin's, which has a summer time.
struct CronTest : testing::Test {
  CronTest() {
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
  }
  ~CronTest() override {
    unsetenv("TZ");
    tzset();
  }

  static std::time_t at(int year, int month, int day, int hour, int minute) {
    std::tm local{};
    local.tm_year = year - 1900;
    local.tm_mon = month - 1;
    local.tm_mday = day;
    local.tm_hour = hour;
    local.tm_min = minute;
    local.tm_isdst = -1;
    return std::mktime(&local);
  }

  // "2026-11-22 14:05" of the next run after `from`.
  static std::string next(std::string_view schedule, std::time_t from) {
    std::string why;
    auto parsed = parse_cron_schedule(schedule, why);
    if (!parsed) return why;
    auto found = parsed->next_after(from);
    if (!found) return "never";
    std::tm local{};
    localtime_r(&*found, &local);
    char text[32];
    strftime(text, sizeof text, "%F %H:%M", &local);
    return text;
  }
};

TEST_F(CronTest, FindsTheNextRun) {
  std::time_t sunday = at(2026, 11, 22, 14, 5);
  EXPECT_EQ(next("* * * * *", sunday), "2026-11-22 14:06");
  EXPECT_EQ(next("*/15 * * * *", sunday), "2026-11-22 14:15");
  EXPECT_EQ(next("5 14 * * *", sunday), "2026-11-23 14:05");
  EXPECT_EQ(next("30 4 1 * *", sunday), "2026-12-01 04:30");
  EXPECT_EQ(next("0 9-17/4 * * mon-fri", sunday), "2026-11-23 09:00");
  EXPECT_EQ(next("0 0 * * 7", sunday), "2026-11-29 00:00");
  EXPECT_EQ(next("@monthly", sunday), "2026-12-01 00:00");
  EXPECT_EQ(next("0 12 29 feb *", sunday), "2028-02-29 12:00");
  EXPECT_EQ(next("0,30 * * * *", sunday), "2026-11-22 14:30");
}

TEST_F(CronTest, TakesEitherDayWhenBothAreRestricted) {
  EXPECT_EQ(next("0 0 13 * fri", at(2026, 11, 22, 0, 0)), "2026-11-27 00:00");
  EXPECT_EQ(next("0 0 24 * fri", at(2026, 11, 22, 0, 0)), "2026-11-24 00:00");
}

TEST_F(CronTest, NeverRunsOnADayThatDoesNotExist) { EXPECT_EQ(next("0 0 30 2 *", at(2026, 1, 1, 0, 0)), "never"); }

TEST_F(CronTest, LeavesOutTheHourThatSummerTimeSkips) {
  EXPECT_EQ(next("30 2 * * *", at(2026, 3, 28, 12, 0)), "2026-03-30 02:30");
  EXPECT_EQ(next("30 3 * * *", at(2026, 3, 28, 12, 0)), "2026-03-29 03:30");
}

TEST_F(CronTest, SaysWhatIsWrong) {
  std::time_t now = at(2026, 1, 1, 0, 0);
  EXPECT_EQ(next("* * * *", now), "\"* * * *\" has 4 of five fields");
  EXPECT_EQ(next("60 * * * *", now), "\"60\" is no minute (0 to 59)");
  EXPECT_EQ(next("* 5-1 * * *", now), "\"5-1\" is no hour (0 to 23)");
  EXPECT_EQ(next("* * 0 * *", now), "\"0\" is no day of the month (1 to 31)");
  EXPECT_EQ(next("* * * foo *", now), "\"foo\" is no month (1 to 12)");
  EXPECT_EQ(next("*/0 * * * *", now), "\"*/0\" is no minute (0 to 59)");
  EXPECT_EQ(next("5/2 * * * *", now), "\"5/2\" is no minute (0 to 59)");
  EXPECT_EQ(next("1,,2 * * * *", now), "\"1,,2\" is no minute (0 to 59)");
  EXPECT_EQ(next("@reboot", now), "\"@reboot\" has 1 of five fields");
}

}  // namespace
}  // namespace trimaran
