// `trimaran db restart`: a new mariadbd while the site serves. Requests wait in the front, those under way finish, the
// server is stopped in order and started again, the requests go on. Each step has an end, and whatever the outcome,
// nothing stays paused.
#pragma once

#include <sys/types.h>

#include <functional>
#include <set>
#include <string>

#include "supervisor/autoscale.h"
#include "supervisor/reload_progress.h"
#include "supervisor/watch.h"

namespace trimaran {

// The server as a restart sees it.
class RestartableServer {
 public:
  virtual ~RestartableServer() = default;
  virtual pid_t pid() const = 0;
  virtual bool serving() const = 0;
  virtual const std::string& reason() const = 0;  // why it does not serve; "" while it is only starting
  // Ends in order and is started again.
  virtual void restart() = 0;
};

class DatabaseRestart {
 public:
  // For the requests under way. One that takes longer sees its connection break, as it would at any restart.
  static constexpr Millis kQuietMs = 5'000;
  static constexpr Millis kAskMs = 20;  // between two questions whether some are left
  // For the server's end and its new start. Waiting requests have given up long before ([app] queue_wait).
  static constexpr Millis kServeMs = 180'000;
  struct Limits {
    Millis quiet_ms = kQuietMs;
    Millis serve_ms = kServeMs;
  };

  struct Hooks {
    std::function<void(bool)> pause;  // the sites that use the server; false: they go on
    std::function<void()> ask_load;   // on_load() follows for each of them
  };
  using Done = std::function<void(const ReloadOutcome&)>;

  DatabaseRestart(EventLoop& loop, Hooks hooks, Limits limits)
      : hooks_(std::move(hooks)), limits_(limits), ask_(loop), due_(loop) {}

  bool running() const { return step_ != Step::none; }
  // Not while one is running. `busy` are the sites whose requests are waited for.
  void begin(RestartableServer& server, std::set<std::string> busy, Done done);
  void on_load(const std::string& site, const SiteLoad& load);
  // Something happened to the server.
  void advance();
  void give_up(const std::string& why);

 private:
  enum class Step { none, quieting, restarting };

  void ask();
  void restart();
  void finish(const ReloadOutcome& outcome);

  Hooks hooks_;
  Limits limits_;
  Step step_ = Step::none;
  RestartableServer* server_ = nullptr;  // while running
  std::set<std::string> busy_;
  pid_t old_pid_ = 0;
  Done done_;
  Alarm ask_;
  Alarm due_;
};

}  // namespace trimaran
