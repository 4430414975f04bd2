// When a [[cron]] job is due, on a clock that may jump. Pure: the time goes in.
//
// A minute that was missed by a little (a machine that slept, a clock that was set forward) is made up for, once
// however many there were; beyond kLateSecondsMax it is left out: a nightly job is not wanted at noon. A clock that is
// set back a little runs nothing twice; beyond kBackSecondsMax it was wrong before, and the schedule starts over.
#pragma once

#include <ctime>
#include <optional>

#include "config/cron_schedule.h"

namespace trimaran {

class CronTimer {
 public:
  static constexpr std::time_t kLateSecondsMax = 3600;
  static constexpr std::time_t kBackSecondsMax = 300;
  static constexpr std::time_t kLookSeconds = 60;  // how long a jump of the clock may stay unseen

  CronTimer(CronSchedule schedule, std::time_t now);
  // One that was asked at `seen` and has waited for `next` since.
  CronTimer(CronSchedule schedule, std::time_t seen, std::optional<std::time_t> next)
      : schedule_(schedule), seen_(seen), next_(next) {}

  // Whether the job is to run now. Once for each time that has come.
  bool due(std::time_t now);
  // Seconds until due() should be asked again, 1..kLookSeconds.
  std::time_t wait(std::time_t now) const;
  std::optional<std::time_t> next() const { return next_; }
  std::time_t seen() const { return seen_; }

 private:
  CronSchedule schedule_;
  std::time_t seen_;
  std::optional<std::time_t> next_;
};

}  // namespace trimaran
