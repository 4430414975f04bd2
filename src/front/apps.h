// The seam between the front and the application pools: one Apps per front thread. It lives as long as the thread, so
// targets survive a reload; the handlers it makes live as long as the snapshot they were made for.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "config/config.h"
#include "front/exchange.h"
#include "os/event_loop.h"
#include "os/message_socket.h"

namespace trimaran::front {

class Apps {
 public:
  virtual ~Apps() = default;
  // Called when a snapshot is made, for each site with an [app].
  virtual std::unique_ptr<Handler> make_handler(const SiteConfig& site) = 0;
  // The supervisor's messages about applications (role/role.h). A `target` comes to the thread that it names, the
  // others to every thread. They may come before the first make_handler().
  virtual void on_target(Message message) = 0;
  virtual void on_message(const Message&) {}
  // The limit of a drain: every WebSocket and other tunnel of this thread ends, in order where its protocol knows one.
  virtual void end_tunnels() {}
  // No new requests will be started (drain); what is under way goes on.
  virtual void on_drain() {}
};

// Makes the Apps of one thread, before that thread runs; everything else happens in the thread.
using MakeApps = std::function<std::unique_ptr<Apps>(EventLoop&)>;

// Answers 503: what a front without pools does.
std::unique_ptr<Apps> make_no_apps(EventLoop& loop);

}  // namespace trimaran::front
