// How long to wait before a service is started again. A service that had served comes back at once (a crash under load
// must cost milliseconds), once even if it had served only for a moment; one that dies young again and again waits
// longer each time, so that a broken one does not eat the machine, and never so long that a repaired file goes
// unnoticed.
#pragma once

#include "base/time.h"

namespace trimaran {

class BackOff {
 public:
  static constexpr Millis kHealthyMs = 500;      // served for so long: it was healthy, start it again at once
  static constexpr Millis kDelayFirstMs = 100;   // the first pause of one that died younger
  static constexpr Millis kDelayMaxMs = 10'000;  // doubled up to this

  BackOff() = default;
  explicit BackOff(Millis delay) : delay_(delay) {}  // goes on where another one was

  // The pause after a run in which the service served for `served_ms`; 0 when it never became ready.
  Millis after(Millis served_ms);
  Millis delay() const { return delay_; }  // the last pause

 private:
  Millis delay_ = 0;
  bool ended_early_ = false;  // the last time
};

}  // namespace trimaran
