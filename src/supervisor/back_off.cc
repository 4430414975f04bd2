#include "supervisor/back_off.h"

#include <algorithm>
#include <utility>

namespace trimaran {

Millis BackOff::after(Millis served_ms) {
  bool first_early_end = !std::exchange(ended_early_, served_ms < kHealthyMs);
  if (served_ms >= kHealthyMs) return delay_ = 0;
  if (served_ms > 0 && first_early_end) return 0;
  delay_ = delay_ == 0 ? kDelayFirstMs : std::min(delay_ * 2, kDelayMaxMs);
  return delay_;
}

}  // namespace trimaran
