// Whoever keeps bytes back for a common write relies on doing something soon; the guard is for when that takes long.
//
// A thread of its own, started when it is first needed: only a thread can write while the application's thread is
// somewhere in the application's code. It sleeps for good while nothing is kept back, so it costs an idle worker
// nothing, and ticks in between, so a request costs no wake-up. Rejected: a signal timer (it would interrupt the
// application's system calls).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/time.h"

namespace trimaran::worker {

class FlushGuard {
 public:
  static constexpr Millis kTickMs = 4;   // each costs some 20 us with the change of the thread
  static constexpr int kIdleTicks = 16;  // without a promise to keep; then the thread sleeps

  // `flush` runs in the guard's thread.
  explicit FlushGuard(std::function<void()> flush);
  FlushGuard(const FlushGuard&) = delete;
  FlushGuard& operator=(const FlushGuard&) = delete;
  ~FlushGuard();

  // One thread at a time: from now on `flush` runs within about kTickMs. False: the machine gives us no thread.
  bool watch();
  bool asleep() const { return loop_->asleep; }

 private:
  struct Loop {
    std::function<void()> flush;
    std::atomic<bool> promised = false;
    std::atomic<bool> asleep = false;
    std::mutex mutex;  // guards the rest
    std::condition_variable wake;
    bool stopping = false;
    std::thread thread;
  };

  bool start();
  static void run(Loop& loop);

  std::unique_ptr<Loop> loop_;
  pid_t started_by_ = 0;  // 0: not started
  bool refused_ = false;
};

}  // namespace trimaran::worker
