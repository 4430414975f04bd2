// The listening side of a worker that is somebody else's program (http:, php:): where it listens, how it is told so,
// and what the front and the probe are told of it. One Upstream belongs to one worker for all its starts, so a worker
// that is given a listening socket keeps it over a crash: connections wait in the backlog, and none is refused.
#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"
#include "os/process.h"
#include "supervisor/runtime.h"
#include "supervisor/state.h"

namespace trimaran {

// Ports for programs that open their own listener (PORT). Below the range of outgoing connections
// (net.ipv4.ip_local_port_range), so that no client socket takes one in between.
class PortRange {
 public:
  static constexpr uint16_t kFirst = 15'000;
  static constexpr uint16_t kCount = 5'000;

  // `seed` spreads several supervisors of one machine.
  explicit PortRange(uint32_t seed) : next_(seed % kCount) {}
  // A port on which nobody listens, and that was not given for as long as possible.
  Result<uint16_t> take();

 private:
  uint32_t next_;
};

bool speaks_for_itself(AppKind kind);  // http and php: no role link, no frames

class Upstream {
 public:
  // `stem`: a path of which it may make files by adding to it; no other worker's that lives.
  Upstream(const Runtime& runtime, const SiteConfig& site, PortRange& ports, std::string stem)
      : runtime_(runtime), site_(site), ports_(ports), stem_(std::move(stem)) {}
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  ~Upstream();  // removes its files

  // Before each start: adds to the worker's command what it must know to listen.
  Status prepare(SpawnOptions& options);

  // Through an upgrade of the program (site_state.cc).
  void save(StateRecord& record) const;
  void adopt(const StateRecord& record);

  const std::string& protocol() const { return protocol_; }  // "http", "fastcgi"
  const std::string& address() const { return address_; }
  const std::string& root() const { return root_; }  // fastcgi: the folder of the scripts
  static int drain_signal(AppKind kind);

 private:
  Status prepare_port(SpawnOptions& options);
  Status prepare_socket(SpawnOptions& options);
  Status prepare_php(SpawnOptions& options);

  const Runtime& runtime_;
  const SiteConfig& site_;
  PortRange& ports_;
  std::string stem_;
  std::string protocol_, address_, root_;
  Fd listener_;
};

}  // namespace trimaran
