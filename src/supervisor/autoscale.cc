#include "supervisor/autoscale.h"

namespace trimaran {

size_t Autoscale::wanted(Millis now, const Workers& workers, const SiteLoad& load) {
  bool waiting = load.queued > 0 || load.busy > workers.now * workers.concurrency;
  if (waiting && workers.now < workers.max) {
    idle_since_ = -1;
    return workers.now + 1;
  }
  // Strictly less: with every place taken, the next request would wait.
  bool spare = !waiting && workers.now > workers.min && load.busy < (workers.now - 1) * workers.concurrency;
  if (!spare) {
    idle_since_ = -1;
    return workers.now;
  }
  if (idle_since_ < 0) idle_since_ = now;
  if (now - idle_since_ < kIdleMs) return workers.now;
  idle_since_ = now;
  return workers.now - 1;
}

}  // namespace trimaran
