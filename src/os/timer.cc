#include "os/timer.h"

#include <algorithm>

namespace trimaran {

void Timer::cancel() {
  if (!previous_) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

TimerWheel::TimerWheel(Millis now) : tick_(now / kTickMs) {
  for (Slot& slot : slots_) {
    Timer& head = slot;
    head.previous_ = head.next_ = &head;
  }
}

void TimerWheel::arm(Timer& timer, Millis deadline) {
  timer.cancel();
  timer.deadline_ = deadline;
  // Rounded up, so that a timer never fires early; never into a tick that has been worked through.
  Millis tick = std::max((deadline + kTickMs - 1) / kTickMs, tick_ + 1);
  Timer& head = slots_[static_cast<size_t>(tick) % kSlots];
  timer.previous_ = head.previous_;
  timer.next_ = &head;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
}

void TimerWheel::advance(Millis now) {
  Millis target = now / kTickMs;
  Millis first = std::max(tick_ + 1, target - static_cast<Millis>(kSlots) + 1);
  tick_ = target;
  for (Millis tick = first; tick <= target; ++tick) {
    Timer& head = slots_[static_cast<size_t>(tick) % kSlots];
    // The due ones move to a list of their own first: on_timer() may arm, cancel or delete any timer.
    Slot due;
    Timer& out = due;
    out.previous_ = out.next_ = &out;
    for (Timer* timer = head.next_; timer != &head;) {
      Timer* next = timer->next_;
      if (timer->deadline_ <= now) {
        timer->cancel();
        timer->previous_ = out.previous_;
        timer->next_ = &out;
        out.previous_->next_ = timer;
        out.previous_ = timer;
      }
      timer = next;
    }
    while (out.next_ != &out) {
      Timer* timer = out.next_;
      timer->cancel();
      timer->on_timer();
    }
  }
}

Millis TimerWheel::wait_ms(Millis now) const {
  for (size_t ahead = 1; ahead <= kSlots; ++ahead) {
    Millis tick = tick_ + static_cast<Millis>(ahead);
    const Timer& head = slots_[static_cast<size_t>(tick) % kSlots];
    if (head.next_ != &head) return std::max<Millis>(0, tick * kTickMs - now);
  }
  return -1;
}

}  // namespace trimaran
