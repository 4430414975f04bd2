// One site's targets as one front thread sees them: a channel to each. Lives as long as the thread; configurations come
// and go.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "os/event_loop.h"
#include "pool/target.h"

namespace trimaran::front {

// Something that passes a tunnel on: a call whose response has the status 101.
class TunnelOwner {
 public:
  virtual ~TunnelOwner() = default;
  // After `delay_ms`.
  virtual void end_tunnel(Millis delay_ms) = 0;
};

class SiteApp {
 public:
  static constexpr Millis kTunnelEndMs = 2, kTunnelsEndMs = 2000;

  // Hears, in the front thread, of each target that must be replaced.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    virtual void on_hung(pool::TargetId target, std::string_view request) = 0;  // its answer did not come in time
    virtual void on_given_up(pool::TargetId target) = 0;  // it lives, and this thread has closed the channel to it
  };

  SiteApp(EventLoop& loop, pool::Pool& pool, size_t thread, std::unique_ptr<Watcher> watcher)
      : loop_(loop), pool_(pool), thread_(thread), watcher_(std::move(watcher)) {}

  Status add_target(pool::TargetSpec spec);
  // No new request; what it has not begun goes to others.
  void retire(pool::TargetId target);
  // The same for the targets of every generation that has no share (any more).
  void recall_without_share();
  // It let `request` ("GET /path") run into its timeout: what waits behind it goes to others, and the supervisor is
  // told.
  void report_hung(pool::TargetId target, std::string_view request);

  // Once: the warning about a header that this application's answers should not have.
  bool first_send_file() { return !std::exchange(told_send_file_, true); }

  void add_tunnel(TunnelOwner& owner, pool::TargetId target);
  void remove_tunnel(TunnelOwner& owner) { tunnels_.erase(&owner); }
  // The drain limit of a generation, or of the whole front. Their clients come back at once, so they are told one
  // after the other: kTunnelEndMs apart, and faster when there are more than fit kTunnelsEndMs.
  void end_tunnels(std::optional<pool::Generation> generation);

  pool::Channel* channel(pool::TargetId target);
  pool::Pool& pool() { return pool_; }
  EventLoop& loop() { return loop_; }
  size_t thread() const { return thread_; }

 private:
  void on_gone(pool::TargetId target);

  struct Entry {
    std::unique_ptr<pool::Channel> channel;
    pool::Generation generation = 0;
  };

  EventLoop& loop_;
  pool::Pool& pool_;
  const size_t thread_;
  const std::unique_ptr<Watcher> watcher_;
  bool told_send_file_ = false;
  std::map<pool::TargetId, Entry> targets_;
  std::map<TunnelOwner*, pool::Generation> tunnels_;
};

}  // namespace trimaran::front
