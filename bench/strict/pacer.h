// When requests are due. With a rate, request k is due at start + k / rate whatever the server does: what was due while
// it was away is sent late and its latency counts from when it was due. A generator that waits for a slow server
// measures nothing while the server is away (the "coordinated omission").
#pragma once

#include <algorithm>
#include <cstdint>

namespace trimaran::strict {

class Pacer {
 public:
  // rate 0: the next one is always due. No request is begun after `seconds`, and at most `requests` (0: no limit).
  Pacer(double rate, double seconds, uint64_t requests, int64_t now_us)
      : interval_us_(rate > 0 ? 1e6 / rate : 0),
        start_us_(now_us),
        end_us_(now_us + static_cast<int64_t>(seconds * 1e6)),
        left_(requests ? requests : UINT64_MAX) {}

  // The time at which the next request is due; INT64_MAX when there is none.
  int64_t next_us(int64_t now_us) const {
    int64_t due = interval_us_ > 0 ? start_us_ + static_cast<int64_t>(static_cast<double>(taken_) * interval_us_)
                                   : std::max(now_us, start_us_);
    return left_ == 0 || due >= end_us_ ? INT64_MAX : due;
  }
  void take() {
    ++taken_;
    --left_;
  }
  void stop() { left_ = 0; }

 private:
  double interval_us_;
  int64_t start_us_, end_us_;
  uint64_t left_, taken_ = 0;
};

}  // namespace trimaran::strict
