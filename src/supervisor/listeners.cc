#include "supervisor/listeners.h"

#include <algorithm>
#include <cerrno>

namespace trimaran {
namespace {

constexpr int kPortsForRoot = 1024;  // below: only root, CAP_NET_BIND_SERVICE or systemd may open it

bool is_tcp(Listener::Kind kind) { return kind != Listener::Kind::dns_udp; }

Result<Fd> open_socket(Listener::Kind kind, const Address& address, bool reuse_port) {
  return is_tcp(kind) ? listen_tcp(address, {.reuse_port = reuse_port}) : bind_udp(address, reuse_port);
}

// The error of bind(2) in the words of whoever must repair it.
Error explain(const Error& error, Listener::Kind kind, const Address& address) {
  std::string where = std::string(is_tcp(kind) ? "TCP " : "UDP ") + address.to_string();
  if (error.os_errno == EADDRINUSE) {
    return {"cannot listen on " + where +
                ": another program has this port (see: ss -lnp 'sport = :" + std::to_string(address.port()) + "')",
            EADDRINUSE};
  }
  if (error.os_errno == EACCES && address.port() < kPortsForRoot) {
    return {"cannot listen on " + where +
                ": only root may open ports below 1024; start trimaran as root or set a "
                "higher port in [listen]",
            EACCES};
  }
  if (error.os_errno == EADDRNOTAVAIL) {
    return {"cannot listen on " + where + ": this machine does not have that address", EADDRNOTAVAIL};
  }
  return error;
}

// "Everywhere" means both families; a kernel without IPv6 has only one.
bool is_missing_ipv6(const Error& error, const Address& address) {
  return address.family() == AF_INET6 && address.is_wildcard() &&
         (error.os_errno == EAFNOSUPPORT || error.os_errno == EADDRNOTAVAIL);
}

}  // namespace

std::string_view to_string(Listener::Kind kind) {
  switch (kind) {
    case Listener::Kind::http:
      return "http";
    case Listener::Kind::dns_udp:
      return "dns-udp";
    case Listener::Kind::dns_tcp:
      return "dns-tcp";
  }
  return "";
}

std::vector<Listeners::Wanted> Listeners::wanted(const Config& config) {
  std::vector<Wanted> out;
  for (const Address& address : config.http) out.push_back({Listener::Kind::http, address});
  for (const Address& address : config.dns) {
    out.push_back({Listener::Kind::dns_tcp, address});
    out.push_back({Listener::Kind::dns_udp, address});
  }
  return out;
}

bool Listeners::have(const Wanted& wanted) const {
  return std::any_of(listeners_.begin(), listeners_.end(),
                     [&](const Listener& l) { return l.kind == wanted.kind && l.configured == wanted.address; });
}

const InheritedSocket* Listeners::find_inherited(const Wanted& wanted) const {
  int type = is_tcp(wanted.kind) ? SOCK_STREAM : SOCK_DGRAM;
  for (const InheritedSocket& socket : inherited_) {
    if (socket.type == type && socket.address == wanted.address) return &socket;
  }
  return nullptr;
}

std::vector<Error> Listeners::open(const Config& config, int generation) {
  std::vector<Listener> opened;
  std::vector<Error> errors;
  for (const Wanted& one : wanted(config)) {
    if (have(one)) continue;
    Status status = open_one(one, config.threads, generation, opened);
    if (!status && !is_missing_ipv6(status.error(), one.address)) {
      errors.push_back(explain(status.error(), one.kind, one.address));
    }
  }
  if (errors.empty()) std::move(opened.begin(), opened.end(), std::back_inserter(listeners_));
  return errors;
}

Status Listeners::open_one(const Wanted& wanted, int threads, int generation, std::vector<Listener>& out) {
  Address address = wanted.address;
  // Port 0: every thread, and DNS over UDP as over TCP, follows the first one to the port that the kernel chose. TCP
  // chooses, because old connections of others (TIME_WAIT) hold TCP ports that look free to UDP.
  if (address.port() == 0) {
    for (const Listener& l : out) {
      bool pair = l.kind == Listener::Kind::dns_tcp && wanted.kind == Listener::Kind::dns_udp;
      if (pair && l.configured == address) address = l.bound;
    }
  }
  const InheritedSocket* inherited = find_inherited(wanted);
  if (!inherited && address.port() != 0) {
    // SO_REUSEPORT would let us share the port with another server of our own user, and the kernel would give each half
    // of the visitors. A first bind without it finds out.
    auto probe = open_socket(wanted.kind, address, false);
    if (!probe) return std::unexpected(probe.error());
  }
  for (int thread = 0; thread < threads; ++thread) {
    auto fd = inherited ? duplicate(inherited->fd) : open_socket(wanted.kind, address, true);
    if (!fd) return std::unexpected(fd.error());
    auto bound = local_address(fd->get());
    if (!bound) return std::unexpected(bound.error());
    address = *bound;
    out.push_back({wanted.kind, wanted.address, address, thread, generation, std::move(*fd)});
  }
  return {};
}

void Listeners::save(State& state) const {
  for (const Listener& l : listeners_) {
    StateRecord& record = state.add("listener").set_fd("fd", l.fd.get()).set("kind", std::string(to_string(l.kind)));
    record.set("configured", l.configured.to_string()).set("bound", l.bound.to_string());
    record.set("thread", l.thread).set("generation", l.generation);
  }
  for (const InheritedSocket& socket : inherited_) {
    state.add("inherited").set_fd("fd", socket.fd.get()).set("type", socket.type);
  }
}

Result<Listeners> Listeners::adopt(const State& state) {
  Listeners out;
  for (const StateRecord* record : state.all("listener")) {
    Fd fd = record->take_fd("fd");
    auto configured = parse_address(record->text("configured")), bound = parse_address(record->text("bound"));
    std::optional<Listener::Kind> kind;
    for (Listener::Kind k : {Listener::Kind::http, Listener::Kind::dns_udp, Listener::Kind::dns_tcp}) {
      if (record->text("kind") == to_string(k)) kind = k;
    }
    if (!fd || !kind || !configured || !bound) return make_error("the state has a listener that is not whole");
    out.listeners_.push_back({*kind, *configured, *bound, static_cast<int>(record->number("thread")),
                              static_cast<int>(record->number("generation")), std::move(fd)});
  }
  for (const StateRecord* record : state.all("inherited")) {
    InheritedSocket socket{record->take_fd("fd")};
    socket.type = static_cast<int>(record->number("type"));
    auto address = local_address(socket.fd.get());
    if (!address) return std::unexpected(address.error());
    socket.address = *address;
    out.inherited_.push_back(std::move(socket));
  }
  return out;
}

void Listeners::close_unused(const Config& config) {
  std::vector<Wanted> keep = wanted(config);
  std::erase_if(listeners_, [&](const Listener& l) {
    return std::none_of(keep.begin(), keep.end(),
                        [&](const Wanted& w) { return w.kind == l.kind && w.address == l.configured; });
  });
}

}  // namespace trimaran
