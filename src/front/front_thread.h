// One thread of the front: its own loop, listeners, connections, cache and log. Threads share nothing but the count of
// connections; the main thread talks to them by posting into their loops. Every method but post() and run() belongs to
// the thread itself.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "front/apps.h"
#include "front/context.h"
#include "front/listener.h"

namespace trimaran::front {

class FrontThread {
 public:
  FrontThread(ClientTable& clients, const MakeApps& make_apps);

  // What is under way goes before the Apps that answer it.
  ~FrontThread() { context_.close_all(); }
  FrontThread(const FrontThread&) = delete;
  FrontThread& operator=(const FrontThread&) = delete;

  EventLoop& loop() { return context_.loop; }
  Apps& apps() { return *apps_; }

  // Takes effect with the next request of every connection; none is touched.
  void set_config(const Config& config);
  // Accepts from the next round on; needs a configuration.
  void add_listener(Fd fd, std::string address);
  // Stops accepting on addresses that are not in `addresses`.
  void keep_listeners(const std::vector<std::string>& addresses);
  void set_access_log(Fd file) { context_.access_log.set_file(std::move(file)); }
  const Counters& counters() const { return context_.counters; }

  // The site stops: accepts nothing more, answers what comes with `Connection: close`, and calls `drained` when the
  // last connection has gone. After kIdleGraceMs those between two requests are closed, and tunnels are told to end.
  void drain(std::function<void()> drained);
  static constexpr Millis kIdleGraceMs = 2'000;  // for a request that is on its way already
  // A successor serves: idle connections are not closed before their usual time, for a client may be about to use them.
  // Whoever is still here after `limit_ms` is told so where the protocol can (WebSocket: 1012), and cut off.
  void hand_over(Millis limit_ms, std::function<void()> drained);
  void run() { context_.loop.run(); }

 private:
  class DrainTimer final : public Timer {
   public:
    explicit DrainTimer(FrontThread& thread) : thread_(thread) {}
    void on_timer() override { thread_.check_drained(); }

   private:
    FrontThread& thread_;
  };
  static constexpr Millis kNever = std::numeric_limits<Millis>::max();
  void end(std::function<void()> drained);
  void check_drained();

  Context context_;
  std::unique_ptr<Apps> apps_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::function<void()> drained_;
  Millis cut_at_ = kNever;    // what can say goodbye does
  Millis close_at_ = kNever;  // and then everything goes
  DrainTimer drain_timer_{*this};
};

}  // namespace trimaran::front
