// Deadlines by the thousand: a hashed wheel, because every connection moves its deadline with every request and a heap
// would pay log n for timers that almost never fire. Arming and cancelling are O(1) and allocate nothing. The price is
// precision: a timer fires up to one tick (kTickMs) late, never early.
#pragma once

#include <array>
#include <cstddef>

#include "base/time.h"

namespace trimaran {

class TimerWheel;

// Base of whatever has a deadline. Cancelled by its destructor. Not movable: the wheel links to it.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { cancel(); }

  bool armed() const { return previous_ != nullptr; }
  Millis deadline() const { return deadline_; }
  void cancel();

 protected:
  // Called by the loop once the deadline has passed; the timer is no longer armed and may be armed again or deleted.
  virtual void on_timer() = 0;

 private:
  friend class TimerWheel;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  Millis deadline_ = 0;
};

class TimerWheel {
 public:
  static constexpr Millis kTickMs = 10;
  static constexpr size_t kSlots = 1024;  // one turn is 10 s; later deadlines wait in their slot for another turn

  explicit TimerWheel(Millis now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // (Re)arms `timer` for `deadline`; a deadline in the past fires at the next advance().
  void arm(Timer& timer, Millis deadline);
  // Fires every timer whose deadline is not after `now`.
  void advance(Millis now);
  // Milliseconds until a timer may fire, at most one turn of the wheel; -1 when none is armed.
  Millis wait_ms(Millis now) const;

 private:
  struct Slot final : Timer {
    void on_timer() override {}
  };
  std::array<Slot, kSlots> slots_;  // sentinels of circular lists
  Millis tick_;                     // the last tick that advance() has worked through
};

}  // namespace trimaran
