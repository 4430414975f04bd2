#include "os/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"

namespace trimaran {
namespace {

const sockaddr_in& v4(const Address& a) { return reinterpret_cast<const sockaddr_in&>(a.storage); }
const sockaddr_in6& v6(const Address& a) { return reinterpret_cast<const sockaddr_in6&>(a.storage); }

Result<Fd> bound_socket(const Address& address, int type, bool reuse_port) {
  Fd fd(::socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("cannot open a socket");
  int on = 1;
  // UDP never gets SO_REUSEADDR: there it would let a second server share the port unseen.
  if (type == SOCK_STREAM) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return errno_error("cannot set SO_REUSEPORT");
  }
  if (address.family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), address.get(), address.length) != 0)
    return errno_error("cannot listen on " + address.to_string());
  return fd;
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return make_error("the socket path " + path + " is longer than the kernel's 107 bytes");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

uint16_t Address::port() const { return ntohs(family() == AF_INET6 ? v6(*this).sin6_port : v4(*this).sin_port); }

bool Address::is_wildcard() const {
  if (family() == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&v6(*this).sin6_addr);
  return v4(*this).sin_addr.s_addr == htonl(INADDR_ANY);
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET6)
    ::inet_ntop(AF_INET6, &v6(*this).sin6_addr, text, sizeof text);
  else
    ::inet_ntop(AF_INET, &v4(*this).sin_addr, text, sizeof text);
  return text;
}

std::string Address::to_string() const {
  std::string h = host();
  return (family() == AF_INET6 ? "[" + h + "]" : h) + ":" + std::to_string(port());
}

std::optional<Address> parse_ip(std::string_view text, uint16_t port) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  std::string host(text);
  Address address;
  auto& a4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &a4.sin_addr) == 1) {
    a4.sin_family = AF_INET;
    a4.sin_port = htons(port);
    address.length = sizeof a4;
    return address;
  }
  auto& a6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (::inet_pton(AF_INET6, host.c_str(), &a6.sin6_addr) == 1) {
    a6.sin6_family = AF_INET6;
    a6.sin6_port = htons(port);
    address.length = sizeof a6;
    return address;
  }
  return std::nullopt;
}

std::optional<Address> parse_address(std::string_view text) {
  size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
  auto port = parse_u64(colon == std::string_view::npos ? text : text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  if (host.find(':') != std::string_view::npos && host.front() != '[') return std::nullopt;
  return parse_ip(host.empty() ? "0.0.0.0" : host, static_cast<uint16_t>(*port));
}

Result<Fd> listen_tcp(const Address& address, const ListenOptions& options) {
  Result<Fd> fd = bound_socket(address, SOCK_STREAM, options.reuse_port);
  if (!fd) return fd;
  if (::listen(fd->get(), options.backlog) != 0) return errno_error("cannot listen on " + address.to_string());
  return fd;
}

Result<Fd> bind_udp(const Address& address, bool reuse_port) {
  auto fd = bound_socket(address, SOCK_DGRAM, reuse_port);
  if (!fd) return fd;
  // Root may go beyond net.core.rmem_max.
  if (::setsockopt(fd->get(), SOL_SOCKET, SO_RCVBUFFORCE, &kUdpBufferBytes, sizeof kUdpBufferBytes) != 0) {
    (void)::setsockopt(fd->get(), SOL_SOCKET, SO_RCVBUF, &kUdpBufferBytes, sizeof kUdpBufferBytes);
  }
  return fd;
}

Result<Fd> listen_unix(const std::string& path, unsigned mode) {
  auto address = unix_address(path);
  if (!address) return std::unexpected(address.error());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("cannot open a socket");
  ::unlink(path.c_str());
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) != 0) {
    return errno_error("cannot create the socket " + path);
  }
  if (::chmod(path.c_str(), mode) != 0) return errno_error("cannot set the mode of " + path);
  if (::listen(fd.get(), 64) != 0) return errno_error("cannot listen on " + path);
  return fd;
}

Result<Fd> connect_unix(const std::string& path) {
  auto address = unix_address(path);
  if (!address) return std::unexpected(address.error());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("cannot open a socket");
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) != 0) {
    return errno_error("cannot connect to " + path);
  }
  return fd;
}

Result<Fd> begin_connect(const std::string& address) {
  Address to;
  if (address.starts_with('/')) {
    auto path = unix_address(address);
    if (!path) return std::unexpected(path.error());
    std::memcpy(&to.storage, &*path, sizeof *path);
    to.length = sizeof *path;
  } else {
    auto parsed = parse_address(address);
    if (!parsed) return make_error(address + " is no address");
    to = *parsed;
  }
  Fd fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("cannot open a socket");
  int on = 1;
  if (to.family() != AF_UNIX) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd.get(), to.get(), to.length) != 0 && errno != EINPROGRESS) {
    return errno_error("cannot connect to " + address);
  }
  return fd;
}

Result<Address> local_address(int fd) {
  Address address;
  address.length = sizeof address.storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
    return errno_error("cannot ask a socket for its address");
  }
  return address;
}

}  // namespace trimaran
