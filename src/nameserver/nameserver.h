// The role "nameserver": what the supervisor runs as `trimaran nameserver`. It is told everything over its link
// (role/role.h) and opens nothing itself.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nameserver/tcp_server.h"
#include "nameserver/udp_thread.h"
#include "role/role.h"

namespace trimaran {

class Nameserver final : public Timer {
 public:
  static constexpr Millis kDrainMs = 3000;  // for TCP answers under way; then they are cut

  Nameserver(EventLoop& loop, MessageSocket link);
  bool failed() const { return failed_; }  // it never had anything to serve

 private:
  void on_message(Message message);
  void on_config(Message& message);
  void on_listener(Message& message);
  void on_start();
  void on_drain();
  void on_hand_over(const Message& message);
  void on_timer() override;  // draining
  void fail(const std::string& reason);
  void use(SnapshotPtr snapshot);
  std::string status() const;
  std::pair<size_t, size_t> zone_counts() const;  // zones, and records in all of them

  EventLoop& loop_;
  RoleLink link_;
  NameserverCounters tcp_counters_;
  SnapshotPtr snapshot_;
  std::map<std::string, std::unique_ptr<UdpThread>> threads_;  // by the supervisor's number
  std::unique_ptr<TcpServer> tcp_;
  std::vector<std::string> addresses_;  // that the configuration names
  // "dns-udp 127.0.0.1:5353 0" and its address. Told again at a reload, taken once.
  std::map<std::string, std::string> listeners_;
  Millis drain_until_ = 0;
  bool failed_ = false;
};

// The whole life of the process; the exit code.
int nameserver_main();

}  // namespace trimaran
