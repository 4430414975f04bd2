#include "supervisor/cron_timer.h"

#include <algorithm>

namespace trimaran {

CronTimer::CronTimer(CronSchedule schedule, std::time_t now)
    : schedule_(schedule), seen_(now), next_(schedule.next_after(now)) {}

bool CronTimer::due(std::time_t now) {
  bool set_back = now < seen_ - kBackSecondsMax;
  seen_ = now;
  if (set_back) next_ = schedule_.next_after(now);
  if (!next_ || now < *next_) return false;
  bool late = now - *next_ > kLateSecondsMax;
  next_ = schedule_.next_after(now);
  return !late;
}

std::time_t CronTimer::wait(std::time_t now) const {
  return next_ ? std::clamp<std::time_t>(*next_ - now, 1, kLookSeconds) : kLookSeconds;
}

}  // namespace trimaran
