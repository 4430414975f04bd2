#include "nameserver/tcp_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "nameserver/tcp_connection.h"

namespace trimaran {
namespace {

// The address without its port, as bytes: what the limit of one client counts by.
std::string client_key(const sockaddr_in6& peer) {
  if (peer.sin6_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    return {reinterpret_cast<const char*>(&v4.sin_addr), sizeof v4.sin_addr};
  }
  // Of a socket that systemd gave us and that takes both families: ::ffff:1.2.3.4, all of them in one /64.
  if (IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr)) {
    return {reinterpret_cast<const char*>(&peer.sin6_addr) + 12, sizeof(in_addr)};
  }
  constexpr size_t kNetworkBytes = 8;  // a host usually has a whole /64
  return {reinterpret_cast<const char*>(&peer.sin6_addr), kNetworkBytes};
}

}  // namespace

TcpServer::TcpServer(EventLoop& loop, SnapshotPtr snapshot, NameserverCounters& counters, TcpLimits limits)
    : loop_(loop),
      snapshot_(std::move(snapshot)),
      counters_(counters),
      limits_(limits),
      read_buffer_(new char[kReadBytes]),
      reply_buffer_(new char[dns::kMaxTcpBytes]) {}

TcpServer::~TcpServer() { keep_listeners({}); }

Status TcpServer::listen(Fd listener, std::string address) {
  if (Status added = loop_.add(listener.get(), EPOLLIN, *this); !added) return added;
  listeners_.push_back({std::move(listener), std::move(address)});
  return {};
}

void TcpServer::keep_listeners(const std::vector<std::string>& addresses) {
  std::erase_if(listeners_, [&](const Listening& listener) {
    bool stays = std::find(addresses.begin(), addresses.end(), listener.address) != addresses.end();
    if (!stays) loop_.remove(listener.fd.get(), *this);
    return !stays;
  });
}

void TcpServer::drain() {
  keep_listeners({});
  for (auto next = connections_.begin(); next != connections_.end();) {
    TcpConnection& connection = **next++;
    if (!connection.has_replies_to_send()) close(connection);
  }
}

void TcpServer::on_io(uint32_t) {
  // The loop does not say which listener it is; there is one per address, and asking an empty one costs little.
  for (Listening& listener : listeners_) {
    for (int i = 0; i < kAcceptsPerRound; ++i) {
      sockaddr_in6 peer{};
      socklen_t length = sizeof peer;
      Fd socket(
          ::accept4(listener.fd.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) break;  // EAGAIN; or out of descriptors, which the limit on connections keeps from happening
      admit(std::move(socket), peer);
    }
  }
}

void TcpServer::admit(Fd socket, const sockaddr_in6& peer) {
  std::string client = client_key(peer);
  size_t& of_client = per_client_[client];
  if (of_client >= limits_.connections_per_client) {
    counters_.tcp_refused.add();
    return;
  }
  ++of_client;
  counters_.tcp_connections.add();
  auto connection = std::make_unique<TcpConnection>(*this, std::move(socket), std::move(client));
  connections_.push_back(std::move(connection));
  TcpConnection& added = *connections_.back();
  added.place = std::prev(connections_.end());
  added.last_progress = loop_.now();
  if (Status started = added.start(); !started) return close(added);
  if (connections_.size() > limits_.connections) {
    counters_.tcp_evicted.add();
    close(*connections_.front());
  }
  if (!armed()) loop_.arm(*this, loop_.now() + kSweepMs);
}

void TcpServer::progressed(TcpConnection& connection) {
  connection.last_progress = loop_.now();
  connections_.splice(connections_.end(), connections_, connection.place);
}

void TcpServer::close(TcpConnection& connection) {
  auto client = per_client_.find(connection.client());
  if (--client->second == 0) per_client_.erase(client);
  connections_.erase(connection.place);
}

void TcpServer::on_timer() {
  while (!connections_.empty() && connections_.front()->last_progress + limits_.idle_ms <= loop_.now()) {
    counters_.tcp_timeouts.add();
    close(*connections_.front());
  }
  if (!connections_.empty()) loop_.arm(*this, loop_.now() + kSweepMs);
}

}  // namespace trimaran
