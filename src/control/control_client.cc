#include "control/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/strings.h"
#include "os/socket.h"

namespace trimaran {
namespace {

constexpr size_t kReplyBytesMax = 16 << 20;

// Sends the question; the answer follows.
Result<Fd> ask(const std::string& socket, const std::string& method, const std::string& path, int wait_ms) {
  auto fd = connect_unix(socket);
  if (!fd) return fd;
  timeval wait{wait_ms / 1000, 0};
  ::setsockopt(fd->get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  std::string request = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
  if (::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return errno_error("cannot ask the daemon");
  }
  return fd;
}

// Appends what there is; false at the end.
Result<bool> read_more(const Fd& fd, std::string& out) {
  char buffer[16384];
  ssize_t n;
  do {
    n = ::recv(fd.get(), buffer, sizeof buffer, 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return make_error("the daemon does not answer");
  if (n < 0) return errno_error("cannot read the daemon's answer");
  out.append(buffer, static_cast<size_t>(n));
  if (out.size() > kReplyBytesMax) return make_error("the daemon's answer is larger than its limit");
  return n > 0;
}

// The status, and where the body begins; nothing while the head is not whole.
struct Head {
  int status = 0;
  size_t body = 0;
};
std::optional<Head> read_head(std::string_view reply) {
  size_t end = reply.find("\r\n\r\n");
  auto status = parse_u64(reply.substr(0, 12).substr(std::min<size_t>(reply.size(), 9)));
  if (end == std::string_view::npos || !status) return std::nullopt;
  return Head{static_cast<int>(*status), end + 4};
}

}  // namespace

Result<ControlReply> control_request(const std::string& socket, const std::string& method, const std::string& path,
                                     int wait_ms) {
  auto fd = ask(socket, method, path, wait_ms);
  if (!fd) return std::unexpected(fd.error());
  std::string reply;
  for (Result<bool> more = true; *more;) {
    more = read_more(*fd, reply);
    if (!more) return std::unexpected(more.error());
  }
  auto head = read_head(reply);
  if (!head) return make_error("the daemon's answer is not HTTP");
  return ControlReply{head->status, reply.substr(head->body)};
}

Result<ControlReply> control_stream(const std::string& socket, const std::string& method, const std::string& path,
                                    const std::function<void(std::string_view line)>& on_line) {
  auto fd = ask(socket, method, path, 0);
  if (!fd) return std::unexpected(fd.error());
  std::string reply;
  std::optional<Head> head;
  for (;;) {
    auto more = read_more(*fd, reply);
    if (!more) return std::unexpected(more.error());
    if (!head && (head = read_head(reply))) reply.erase(0, head->body);
    for (size_t end; head && head->status == 200 && (end = reply.find('\n')) != std::string::npos;) {
      on_line(std::string_view(reply).substr(0, end));
      reply.erase(0, end + 1);
    }
    if (*more) continue;
    if (!head) return make_error("the daemon's answer is not HTTP");
    return ControlReply{head->status, reply};
  }
}

}  // namespace trimaran
