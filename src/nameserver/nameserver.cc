#include "nameserver/nameserver.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "config/config.h"
#include "config/site_zone.h"

namespace trimaran {
namespace {

constexpr Millis kDrainStepMs = 50;

struct Deployed {
  SnapshotPtr snapshot;
  std::vector<std::string> addresses;
};

// What the supervisor has checked already; an error here is a difference between two versions of the program.
Result<Deployed> read_deployed(const Fd& memfd) {
  Result<std::string> bytes = read_memfd(memfd);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  Result<SourceBundle> sources = SourceBundle::decode(*bytes);
  if (!sources) return std::unexpected(std::move(sources.error()));
  ParsedConfig parsed = parse_config(*sources);
  std::vector<dns::Zone> zones = build_zones(parsed.config, parsed.diagnostics);
  if (!parsed.diagnostics.empty()) return make_error(format_diagnostics(parsed.diagnostics, *sources));
  Deployed out{std::make_shared<const dns::Snapshot>(std::move(zones)), {}};
  for (const Address& address : parsed.config.dns) out.addresses.push_back(address.to_string());
  return out;
}

}  // namespace

Nameserver::Nameserver(EventLoop& loop, MessageSocket link)
    : loop_(loop),
      link_(
          loop, std::move(link), [this](Message message) { on_message(std::move(message)); },
          [this] { loop_.stop(); }) {}

void Nameserver::on_message(Message message) {
  if (message.verb == "config") return on_config(message);
  if (message.verb == "listener") return on_listener(message);
  if (message.verb == "start") return on_start();
  if (message.verb == "status") return link_.send({.verb = "status", .fields = {{"json", status()}}});
  if (message.verb == "drain") return on_drain();
  if (message.verb == "hand-over") return on_hand_over(message);
}

void Nameserver::fail(const std::string& reason) {
  log_error(reason);
  failed_ = snapshot_ == nullptr;
  link_.send({.verb = "failed", .fields = {{"reason", field_text(reason)}}});
  if (failed_) loop_.stop();  // nothing to serve; with an older snapshot the server goes on answering from it
}

void Nameserver::on_config(Message& message) {
  if (message.fds.empty()) return fail("a configuration came without its file");
  int64_t began_us = monotonic_us();
  Result<Deployed> deployed = read_deployed(message.fds[0]);
  if (!deployed) return fail(std::move(deployed.error()).with_context("cannot build the zones").message);
  addresses_ = std::move(deployed->addresses);
  use(std::move(deployed->snapshot));
  auto [zones, records] = zone_counts();
  log_info(fmt::format("zones: {}, records: {}, loaded in {:.1f} ms", zones, records,
                       static_cast<double>(monotonic_us() - began_us) / 1000));
}

void Nameserver::use(SnapshotPtr snapshot) {
  snapshot_ = std::move(snapshot);
  if (tcp_) {
    tcp_->set_snapshot(snapshot_);
  } else {
    tcp_ = std::make_unique<TcpServer>(loop_, snapshot_, tcp_counters_);
  }
  for (auto& [number, thread] : threads_) thread->set_snapshot(snapshot_);
}

void Nameserver::on_listener(Message& message) {
  if (message.fds.empty() || !snapshot_) return;
  const std::string& kind = message.field("kind");
  const std::string& number = message.field("thread");
  const std::string& address = message.field("address");
  if (!listeners_.emplace(kind + " " + address + " " + number, address).second) return;
  if (kind == "dns-tcp") {
    if (Status listening = tcp_->listen(std::move(message.fds[0]), address); !listening)
      fail(listening.error().message);
  } else if (kind == "dns-udp") {
    std::unique_ptr<UdpThread>& thread = threads_[number];
    if (!thread) thread = std::make_unique<UdpThread>(snapshot_);
    thread->add_socket(std::move(message.fds[0]), address);
  }
}

// Ready once every socket that the configuration does not name any more is closed, in every thread: the supervisor then
// closes its own copies, and the port is free.
void Nameserver::on_start() {
  if (!snapshot_) return;
  std::erase_if(listeners_, [this](const auto& listener) {
    return std::find(addresses_.begin(), addresses_.end(), listener.second) == addresses_.end();
  });
  tcp_->keep_listeners(addresses_);
  auto waiting = std::make_shared<size_t>(threads_.size() + 1);
  auto done = [this, waiting] {
    if (--*waiting == 0) link_.send({.verb = "ready"});
  };
  for (auto& [number, thread] : threads_) thread->keep_sockets(addresses_, [this, done] { loop_.post(done); });
  done();
}

void Nameserver::on_drain() {
  threads_.clear();
  if (!tcp_) return loop_.stop();
  tcp_->drain();
  drain_until_ = loop_.now() + kDrainMs;
  on_timer();
}

// A datagram belongs to whoever reads it, so each thread answers the batch it has read and reads no more; the successor
// reads the same sockets. TCP connections end by their own idle time: a resolver may be about to ask again.
void Nameserver::on_hand_over(const Message& message) {
  threads_.clear();
  if (!tcp_) return loop_.stop();
  tcp_->keep_listeners({});
  drain_until_ = loop_.now() + static_cast<Millis>(parse_u64(message.field("limit_ms")).value_or(kDrainMs));
  on_timer();
}

void Nameserver::on_timer() {
  if (tcp_->connection_count() == 0 || loop_.now() >= drain_until_) return loop_.stop();
  loop_.arm(*this, loop_.now() + kDrainStepMs);
}

std::string Nameserver::status() const {
  CounterSum sum;
  sum.add(tcp_counters_);
  for (const auto& [number, thread] : threads_) sum.add(thread->counters());
  auto [zones, records] = zone_counts();
  return sum.to_json(zones, records);
}

std::pair<size_t, size_t> Nameserver::zone_counts() const {
  size_t zones = 0, records = 0;
  if (snapshot_) {
    for (const dns::Zone& zone : snapshot_->zones().zones()) {
      ++zones;
      records += zone.record_count();
    }
  }
  return {zones, records};
}

int nameserver_main() {
  EventLoop loop;
  Nameserver nameserver(loop, inherited_link());
  loop.run();
  return nameserver.failed() ? 1 : 0;
}

}  // namespace trimaran
