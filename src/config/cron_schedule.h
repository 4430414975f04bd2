// When a [[cron]] job runs: the five fields of crontab(5), in local time.
#pragma once

#include <bitset>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace trimaran {

class CronSchedule {
 public:
  bool matches(const std::tm& local) const;
  // The first whole minute after `time` (seconds since 1970) that matches; nothing when there is none in the next
  // kYearsMax years (30 February). In the hour that a change to summer time skips nothing runs; in the one that comes
  // twice, a job may run twice.
  std::optional<std::time_t> next_after(std::time_t time) const;
  static constexpr int kYearsMax = 9;  // between two 29 February there are at most eight

 private:
  friend std::optional<CronSchedule> parse_cron_schedule(std::string_view text, std::string& why);

  bool day_matches(const std::tm& local) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;                        // of the month, from 1
  std::bitset<13> months_;                      // from 1
  std::bitset<7> weekdays_;                     // from Sunday
  bool any_day_ = false, any_weekday_ = false;  // "*": only the other of the two decides (crontab(5))
};

// "*/5 8-18 * * mon-fri", "@daily". Otherwise nothing, and `why` says what is wrong.
std::optional<CronSchedule> parse_cron_schedule(std::string_view text, std::string& why);

}  // namespace trimaran
