// Every socket the site listens on. The supervisor opens them once and keeps its copy for as long as the address is in
// the configuration, so a child that dies loses no waiting connection: the backlog is in the kernel, not in the child.
// One SO_REUSEPORT socket per thread and address; a socket from systemd is shared by all threads instead, because a
// second bind beside it would fail.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "supervisor/state.h"
#include "supervisor/systemd.h"

namespace trimaran {

struct Listener {
  enum class Kind { http, dns_udp, dns_tcp };
  Kind kind = Kind::http;
  Address configured;  // what the site file says: how a child knows it again after a reload
  Address bound;       // the same, but for port 0, where the kernel has chosen
  int thread = 0;
  int generation = 0;  // of the configuration that brought it
  Fd fd;
};
std::string_view to_string(Listener::Kind kind);  // as in role.h: "http", "dns-udp", "dns-tcp"

class Listeners {
 public:
  Listeners() = default;
  explicit Listeners(std::vector<InheritedSocket> inherited) : inherited_(std::move(inherited)) {}

  // Opens what `config` names and we do not have. Either all of it, or nothing and every problem, one line each.
  std::vector<Error> open(const Config& config, int generation);
  // Closes what `config` does not name any more. Only after the children have closed theirs.
  void close_unused(const Config& config);

  const std::vector<Listener>& all() const { return listeners_; }

  // Through an upgrade of the program.
  void save(State& state) const;
  static Result<Listeners> adopt(const State& state);

 private:
  struct Wanted {
    Listener::Kind kind;
    Address address;
  };
  static std::vector<Wanted> wanted(const Config& config);
  bool have(const Wanted& wanted) const;
  Status open_one(const Wanted& wanted, int threads, int generation, std::vector<Listener>& out);
  const InheritedSocket* find_inherited(const Wanted& wanted) const;

  std::vector<InheritedSocket> inherited_;
  std::vector<Listener> listeners_;
};

}  // namespace trimaran
