// Ended processes that nobody started here: orphans that became our children (os/process.h, adopt_orphans()), or
// because we are process 1 of a container. Each would stay a zombie until we end.
//
// Every child of ours has an owner that reaps it in the round after its end. One that is still there a whole pause
// later has none. Rejected: a list of all our children, which every owner would have to keep.
#pragma once

#include <sys/types.h>

#include <vector>

#include "supervisor/watch.h"

namespace trimaran {

class Strays {
 public:
  static constexpr Millis kPauseMs = 5'000;  // far more than a round of the loop takes

  explicit Strays(EventLoop& loop, Millis pause_ms = kPauseMs) : pause_ms_(pause_ms), alarm_(loop) { wait(); }

 private:
  void wait() {
    alarm_.set(pause_ms_, [this] { look(); });
  }
  void look();

  Millis pause_ms_;
  std::vector<pid_t> suspects_;  // that had ended at the last look
  Alarm alarm_;
};

}  // namespace trimaran
