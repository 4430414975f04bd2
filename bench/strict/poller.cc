#include "strict/poller.h"

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "base/assert.h"
#include "base/time.h"

namespace trimaran::strict {

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  TRIMARAN_ASSERT(epoll_ && signals_);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, signals_.get(), &event);
  ::prctl(PR_SET_TIMERSLACK, 1);  // the default of 50 us would make every request late
}

void Poller::add(int fd, uint32_t events, Handler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  TRIMARAN_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void Poller::modify(int fd, uint32_t events, Handler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  TRIMARAN_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Poller::wait(int64_t until_us) {
  int64_t wait_us = std::max<int64_t>(0, until_us - monotonic_us());
  timespec timeout{.tv_sec = wait_us / 1'000'000, .tv_nsec = wait_us % 1'000'000 * 1000};
  int count = ::epoll_pwait2(epoll_.get(), events_.data(), static_cast<int>(events_.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    if (events_[i].data.ptr == nullptr) {
      signalfd_siginfo info;
      while (::read(signals_.get(), &info, sizeof info) > 0) stopped_ = true;
    } else {
      static_cast<Handler*>(events_[i].data.ptr)->on_events(events_[i].events);
    }
  }
}

}  // namespace trimaran::strict
