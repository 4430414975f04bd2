// How many workers an application needs, by what its front says once a second. Pure. It grows at once when requests
// wait, because each second of waiting is seen by a visitor; it shrinks late, because a worker too many costs memory
// only, and an import costs seconds.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace trimaran {

// The front's message `load`, over all its threads. Its capacity also counts workers that are on their way out, so it
// is not looked at.
struct SiteLoad {
  size_t busy = 0;    // requests in workers; fast workers are given some in advance, which wait there
  size_t queued = 0;  // requests that wait for a worker
};

class Autoscale {
 public:
  static constexpr Millis kIdleMs = 30'000;  // one worker less would have been enough for so long: then it goes
  struct Workers {
    size_t now = 1, min = 1, max = 1;
    size_t concurrency = 1;  // requests that each one runs at a time
  };

  // The number of workers from now on, one more or one less at most.
  size_t wanted(Millis now, const Workers& workers, const SiteLoad& load);

 private:
  Millis idle_since_ = -1;  // -1: one worker less would not be enough
};

}  // namespace trimaran
