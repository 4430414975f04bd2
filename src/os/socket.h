// Addresses and the sockets that the supervisor opens for its children.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "os/fd.h"

namespace trimaran {

// An IPv4 or IPv6 address with a port.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  int family() const { return storage.ss_family; }
  uint16_t port() const;
  bool is_wildcard() const;
  std::string host() const;       // "127.0.0.1", "2001:db8::1"
  std::string to_string() const;  // "127.0.0.1:8080", "[::1]:8080"
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  bool operator==(const Address& other) const { return to_string() == other.to_string(); }
};

// "127.0.0.1", "::1", "[::1]"; nothing when it is not an address. Names are never resolved.
std::optional<Address> parse_ip(std::string_view text, uint16_t port);
// "127.0.0.1:8080", "[::]:8080", ":8080" (0.0.0.0) or "8080" (0.0.0.0).
std::optional<Address> parse_address(std::string_view text);

struct ListenOptions {
  bool reuse_port = false;  // SO_REUSEPORT: one socket per thread on the same address
  int backlog = 4096;       // waiting connections; the kernel caps it at net.core.somaxconn
};
// Bound, listening, non-blocking, close-on-exec, SO_REUSEADDR; IPv6 sockets are IPV6_V6ONLY.
Result<Fd> listen_tcp(const Address& address, const ListenOptions& options);
// With room for kUdpBufferBytes of datagrams (socket(7)), or as much of it as the system lets us have.
Result<Fd> bind_udp(const Address& address, bool reuse_port);
// Linux's default of 208 KiB holds some 280 queries: at 20,000 a second a pause of 14 ms of the reader loses the rest.
constexpr int kUdpBufferBytes = 4 << 20;
// An unlinked-first, listening SOCK_STREAM socket at `path` with these permission bits.
Result<Fd> listen_unix(const std::string& path, unsigned mode);
Result<Fd> connect_unix(const std::string& path);
// A non-blocking socket on its way to "/path/of.sock" or "127.0.0.1:8080": EPOLLOUT tells the end, SO_ERROR how it
// ended. os_errno of an error: ECONNREFUSED or ENOENT when nobody listens, EAGAIN when a unix socket's backlog is full.
Result<Fd> begin_connect(const std::string& address);
Result<Address> local_address(int fd);

}  // namespace trimaran
