#include "front/clock.h"

#include <ctime>

namespace trimaran::front {

void Clock::refresh(Millis now) {
  timespec ts{};
  ::clock_gettime(CLOCK_REALTIME, &ts);
  next_ = now + 1000 - ts.tv_nsec / 1'000'000;
  second_ = ts.tv_sec;
  http_date_ = trimaran::http_date(second_);
  log_date_ = trimaran::log_date(second_);
}

}  // namespace trimaran::front
