// The control socket: HTTP/1.1 on a unix socket, so that curl is a client too:
//   curl --unix-socket RUN/control.sock http://localhost/status
// One request a connection. The file's mode says who may ask; nothing here comes from the network.
#pragma once

#include <list>
#include <string>

#include "control/control_api.h"
#include "os/event_loop.h"
#include "os/fd.h"
#include "supervisor/supervisor.h"

namespace trimaran {

class ControlServer final : public IoHandler {
 public:
  static constexpr size_t kConnectionsMax = 32;  // more wait in the backlog
  static constexpr Millis kExchangeMs =
      10'000;  // from accept to the last byte of the answer; a reload has its own time more
  static constexpr size_t kStreamBytesMax = 1 << 20;  // of a deploy's steps that the client has not read; then no more

  // An upgrade: the self-check and two processes have their own limits within it (self_check.h, network_role.cc).
  static constexpr Millis kUpgradeMs = 120'000;

  ControlServer(EventLoop& loop, Supervisor& supervisor);
  ~ControlServer() override;

  Status open(const std::string& path);
  // Through an upgrade of the program: the socket, and whoever is asking.
  void save(State& state) const;
  Status resume(const State& state);
  // Removes the socket file. Answers under way are still sent.
  void close();
  void on_io(uint32_t events) override;

 private:
  class Connection;
  void forget(Connection& connection);
  Connection* waiting(uint64_t number);  // nullptr: it has gone, or has its answer
  void watch_listener();

  EventLoop& loop_;
  Supervisor& supervisor_;
  ControlApi api_;
  std::string path_;
  Fd listener_;
  bool watching_ = false;
  uint64_t connection_numbers_ = 0;
  std::list<Connection> connections_;
};

}  // namespace trimaran
