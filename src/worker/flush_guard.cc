#include "worker/flush_guard.h"

#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <system_error>

namespace trimaran::worker {

FlushGuard::FlushGuard(std::function<void()> flush) : loop_(std::make_unique<Loop>()) {
  loop_->flush = std::move(flush);
}

FlushGuard::~FlushGuard() {
  if (started_by_ == 0) return;
  if (started_by_ != ::getpid()) {
    // In a child that the application forked there is our memory, but no such thread, and its locks stay as they were:
    // to wait for any of them would be for ever.
    static_cast<void>(loop_.release());
    return;
  }
  {
    std::lock_guard lock(loop_->mutex);
    loop_->stopping = true;
  }
  loop_->wake.notify_one();
  loop_->thread.join();
}

// Both sides write their own flag before they read the other's, in one total order: one of them sees the other.
bool FlushGuard::watch() {
  if (started_by_ == 0 && !start()) return false;
  loop_->promised = true;
  if (!loop_->asleep) return true;
  { std::lock_guard lock(loop_->mutex); }  // it is on its way into the wait: let it get there
  loop_->wake.notify_one();
  return true;
}

bool FlushGuard::start() {
  if (refused_) return false;
  // Signals are the business of the application's threads.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    loop_->thread = std::thread(run, std::ref(*loop_));
    started_by_ = ::getpid();
  } catch (const std::system_error&) {
    refused_ = true;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return !refused_;
}

void FlushGuard::run(Loop& loop) {
  std::unique_lock lock(loop.mutex);
  for (int idle = 0; !loop.stopping;) {
    if (idle == kIdleTicks) {
      loop.asleep = true;
      loop.wake.wait(lock, [&] { return loop.stopping || loop.promised; });
      loop.asleep = false;
      idle = 0;
    }
    loop.wake.wait_for(lock, std::chrono::milliseconds(kTickMs), [&] { return loop.stopping; });
    ++idle;
    if (!loop.promised.exchange(false)) continue;
    idle = 0;
    lock.unlock();
    loop.flush();
    lock.lock();
  }
}

}  // namespace trimaran::worker
