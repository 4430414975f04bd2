// A descriptor and a deadline with a function each, for the supervisor, which has a dozen of them and no hurry. The
// rooms that serve requests derive from IoHandler and Timer directly instead.
#pragma once

#include <functional>
#include <utility>

#include "base/log.h"
#include "os/event_loop.h"

namespace trimaran {

// Calls `on_ready` while the descriptor is readable (level-triggered). Does not own the descriptor: destroy or reset()
// this first, then close it.
class ReadWatch final : public IoHandler {
 public:
  explicit ReadWatch(EventLoop& loop) : loop_(loop) {}
  ~ReadWatch() override { reset(); }

  void watch(int fd, std::function<void()> on_ready) {
    reset();
    on_ready_ = std::move(on_ready);
    if (auto added = loop_.add(fd, EPOLLIN, *this); !added) {
      log_error(added.error().message);
      return;
    }
    fd_ = fd;
  }
  void reset() {
    if (fd_ >= 0) loop_.remove(std::exchange(fd_, -1), *this);
  }
  void on_io(uint32_t) override { on_ready_(); }

 private:
  EventLoop& loop_;
  int fd_ = -1;
  std::function<void()> on_ready_;
};

class Alarm final : public Timer {
 public:
  explicit Alarm(EventLoop& loop) : loop_(loop) {}
  void set(Millis delay, std::function<void()> on_time) {
    on_time_ = std::move(on_time);
    loop_.arm(*this, loop_.now() + delay);
  }

 private:
  // What runs may set the alarm anew, or delete it.
  void on_timer() override {
    auto on_time = std::move(on_time_);
    on_time();
  }

  EventLoop& loop_;
  std::function<void()> on_time_;
};

}  // namespace trimaran
