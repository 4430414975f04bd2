#include "os/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/assert.h"

namespace trimaran {

EventLoop::EventLoop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_us_(monotonic_us()),
      timers_(now()) {
  TRIMARAN_ASSERT(epoll_ && wake_);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;  // the wake-up itself; posted tasks run after every round
  TRIMARAN_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
}

EventLoop::~EventLoop() = default;

Status EventLoop::add(int fd, uint32_t events, IoHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return errno_error("cannot watch a descriptor");
  return {};
}

Status EventLoop::modify(int fd, uint32_t events, IoHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) return errno_error("cannot watch a descriptor");
  return {};
}

void EventLoop::remove(int fd, IoHandler& handler) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (int i = 0; i < events_count_; ++i) {
    if (events_[i].data.ptr == &handler) events_[i].data.ptr = nullptr;
  }
}

void EventLoop::post(std::function<void()> task) {
  if (thread_ == std::this_thread::get_id()) return defer(std::move(task));
  {
    std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
  }
  uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::run() {
  while (!stopping_) run_once(-1);
}

void EventLoop::run_once(Millis wait_max) {
  thread_ = std::this_thread::get_id();
  Millis wait = timers_.wait_ms((now_us_ = monotonic_us()) / 1000);
  if (wait < 0 || (wait_max >= 0 && wait_max < wait)) wait = wait_max;
  if (!deferred_.empty()) wait = 0;
  int n = ::epoll_wait(epoll_.get(), events_, kEventsMax, static_cast<int>(wait));
  now_us_ = monotonic_us();
  events_count_ = n > 0 ? n : 0;
  for (int i = 0; i < events_count_; ++i) {
    auto* handler = static_cast<IoHandler*>(events_[i].data.ptr);
    if (!handler) {
      uint64_t count;
      while (::read(wake_.get(), &count, sizeof count) > 0) {
      }
      continue;
    }
    handler->on_io(events_[i].events);
  }
  events_count_ = 0;
  timers_.advance(now());
  run_posted();
  run_deferred();
}

void EventLoop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void EventLoop::run_deferred() {
  // Only those that were there at the start: a task that defers itself again waits for the next round.
  std::vector<std::function<void()>> tasks;
  tasks.swap(deferred_);
  for (auto& task : tasks) task();
}

void EventLoop::stop() {
  stopping_ = true;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace trimaran
