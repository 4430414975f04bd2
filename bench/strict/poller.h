// epoll with waits that end on the microsecond: at 20,000 requests a second one is due every 50 us, and the server's
// EventLoop, whose timers have ticks of 10 ms, would send them in bursts. It also turns SIGTERM and SIGINT into an
// orderly end, so that whoever drives a load can end it when the event is over.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "os/fd.h"

namespace trimaran::strict {

class Poller {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_events(uint32_t events) = 0;
  };

  Poller();  // blocks SIGTERM and SIGINT for the process; exits when the kernel gives no epoll

  void add(int fd, uint32_t events, Handler& handler);
  void modify(int fd, uint32_t events, Handler& handler);
  // Calls the handlers of all that happened until `until_us`; at least looks once.
  void wait(int64_t until_us);
  bool stopped() const { return stopped_; }  // a signal has come

 private:
  Fd epoll_, signals_;
  std::array<epoll_event, 256> events_;
  bool stopped_ = false;
};

}  // namespace trimaran::strict
