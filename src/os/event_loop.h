// One thread, one epoll, one loop: whoever owns a descriptor derives from IoHandler and is called when it is ready.
// Edge-triggered by default: the handler reads or writes until the kernel says EAGAIN (or a short count), and
// remembers. io_uring was measured at 3-5 % better and is refused by common container sandboxes; not worth two engines.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "os/timer.h"

namespace trimaran {

class IoHandler {
 public:
  virtual ~IoHandler() = default;
  // `events` are the bits of epoll_wait(2): EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR.
  virtual void on_io(uint32_t events) = 0;
};

class EventLoop {
 public:
  static constexpr int kEventsMax = 256;  // taken from the kernel at a time

  EventLoop();  // aborts when the kernel gives no epoll or eventfd: nothing could run
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // The handler must outlive its registration. A handler that is deleted while events for it are still waiting in this
  // round must call forget() first (or use defer() to be deleted after the round).
  Status add(int fd, uint32_t events, IoHandler& handler);
  Status modify(int fd, uint32_t events, IoHandler& handler);
  // Takes the descriptor out of epoll and drops its events of this round. Call before closing the descriptor.
  void remove(int fd, IoHandler& handler);

  void arm(Timer& timer, Millis deadline) { timers_.arm(timer, deadline); }
  // The time at the start of this round; cheap.
  Millis now() const { return now_us_ / 1000; }
  int64_t now_us() const { return now_us_; }

  // Runs `task` in this loop's thread after the current round. Safe from any thread; wakes the loop. From the loop's
  // own thread it is as cheap as defer().
  void post(std::function<void()> task);
  // Like post, but only from this loop's own thread: no lock, no wake-up. For work at the end of the round (flush,
  // delete).
  void defer(std::function<void()> task) { deferred_.push_back(std::move(task)); }

  void run();                      // until stop()
  void run_once(Millis wait_max);  // one round; waits at most `wait_max` (-1: until something happens)
  void stop();                     // safe from any thread

 private:
  void run_posted();
  void run_deferred();

  Fd epoll_;
  Fd wake_;
  int64_t now_us_;
  TimerWheel timers_;
  epoll_event events_[kEventsMax];
  int events_count_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::thread::id> thread_{};  // who runs the loop now
  std::vector<std::function<void()>> deferred_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace trimaran
