#include "os/message_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace trimaran {
namespace {

std::string encode(const Message& message) {
  std::string out = message.verb;
  out += '\0';
  for (const auto& [key, value] : message.fields) {
    TRIMARAN_ASSERT(value.find('\0') == std::string::npos);
    out += key;
    out += '\0';
    out += value;
    out += '\0';
  }
  return out;
}

bool decode(std::string_view bytes, Message& message) {
  std::vector<std::string> parts;
  while (!bytes.empty()) {
    size_t end = bytes.find('\0');
    if (end == std::string_view::npos) return false;
    parts.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
  if (parts.size() % 2 == 0) return false;
  message.verb = parts[0];
  for (size_t i = 1; i < parts.size(); i += 2) message.fields[parts[i]] = parts[i + 1];
  return true;
}

}  // namespace

const std::string& Message::field(const std::string& key) const {
  static const std::string kNone;
  auto found = fields.find(key);
  return found == fields.end() ? kNone : found->second;
}

std::string field_text(std::string_view text) {
  std::string out(text.substr(0, kFieldTextBytesMax));
  std::replace(out.begin(), out.end(), '\0', ' ');
  return out;
}

Result<std::pair<MessageSocket, MessageSocket>> MessageSocket::make_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) {
    return errno_error("cannot create a socket pair");
  }
  return std::pair(MessageSocket(Fd(fds[0])), MessageSocket(Fd(fds[1])));
}

Status MessageSocket::send(const Message& message) const {
  std::string bytes = encode(message);
  TRIMARAN_ASSERT(bytes.size() <= kMessageBytesMax && message.fds.size() <= kMessageFdsMax);
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMessageFdsMax)] = {};
  if (!message.fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * message.fds.size());
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * message.fds.size());
    auto* out = reinterpret_cast<int*>(CMSG_DATA(c));
    for (const Fd& fd : message.fds) *out++ = fd.get();
  }
  for (;;) {
    if (::sendmsg(fd_.get(), &header, MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return errno_error("cannot send the message " + message.verb);
    pollfd wait{fd_.get(), POLLOUT, 0};
    if (::poll(&wait, 1, kSendWaitMs) == 0) return make_error("the peer does not read its messages");
  }
}

Result<std::optional<Message>> MessageSocket::receive() const {
  std::string bytes(kMessageBytesMax, '\0');
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMessageFdsMax)];
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n;
  bool reset = false;
  for (;;) {
    n = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    // A peer that exits with messages of ours unread resets the connection, and Linux tells that, once, before what the
    // peer had sent: its last words (`failed`) must still be heard.
    if (n >= 0 || (errno != EINTR && (errno != ECONNRESET || std::exchange(reset, true)))) break;
  }
  if (n < 0 && errno == EAGAIN) return std::nullopt;
  if (n < 0) return errno_error("cannot receive a message");
  Message message;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      message.fds.emplace_back(fd);
    }
  }
  if (n == 0) return make_error("the peer closed the connection");
  if (header.msg_flags & MSG_TRUNC) return make_error("a message is larger than its limit");
  // MSG_CTRUNC: this process has no descriptor left to receive one with. The message comes without it, and whoever
  // needs it says so; taking this for the end of the line would end a server for being busy.
  if (!decode(std::string_view(bytes.data(), static_cast<size_t>(n)), message))
    return make_error("a malformed message");
  return message;
}

}  // namespace trimaran
