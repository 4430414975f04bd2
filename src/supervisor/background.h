// Blocking work for a loop that must not block (design rule 7): it runs on a thread of its own, and what follows from
// it runs in the loop. One at a time. Destroyed in the middle, it asks the work to stop, waits for it, and calls
// nothing.
#pragma once

#include <functional>
#include <stop_token>
#include <thread>

#include "os/fd.h"
#include "supervisor/watch.h"

namespace trimaran {

class Background {
 public:
  // Runs on the thread; returns what the loop shall do. It must look at the token every few milliseconds.
  using Work = std::function<std::function<void()>(std::stop_token)>;

  explicit Background(EventLoop& loop) : watch_(loop) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // An error: there is no thread or descriptor to be had; nothing was started.
  Status run(Work work);
  bool busy() const { return thread_.joinable(); }
  // As if it had never been asked for: what runs is asked to stop, and waited for. Nothing follows.
  void end();

 private:
  void finish();

  Fd done_;  // eventfd(2)
  ReadWatch watch_;
  std::function<void()> follow_;
  std::jthread thread_;  // the last member: joined before anything that it uses is gone
};

}  // namespace trimaran
