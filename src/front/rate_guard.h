// Whether a client that we wait for keeps up a minimum rate. Only the time in which it was the client's turn counts, so
// a slow application is never held against it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace trimaran::front {

class RateGuard {
 public:
  static constexpr Millis kGraceMs = 10'000;  // nobody is judged by his first ten seconds

  void reset() { *this = RateGuard(); }
  void add(uint64_t bytes) { bytes_ += bytes; }
  // It is (not) the client's turn from now on.
  void wait(Millis now) {
    if (since_ < 0) since_ = now;
  }
  void stop(Millis now) {
    if (since_ >= 0) waited_ += now - since_;
    since_ = -1;
  }
  // The moment at which the client will be too slow if nothing more comes. `rate` in bytes a second, > 0.
  Millis deadline(Millis now, uint32_t rate) const {
    Millis waited = waited_ + (since_ >= 0 ? now - since_ : 0);
    auto earned = static_cast<Millis>(std::min<uint64_t>(bytes_, 1ull << 40) * 1000 / rate);
    return now + std::max(kGraceMs, earned) - waited;
  }

 private:
  uint64_t bytes_ = 0;
  Millis waited_ = 0;
  Millis since_ = -1;
};

}  // namespace trimaran::front
