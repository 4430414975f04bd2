#include "supervisor/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"

namespace trimaran {
namespace {

constexpr size_t kNoticeBytesMax = 4096;  // systemd's own limit for a datagram
constexpr Millis kExtendMaxMs = 3'600'000;
constexpr uint64_t kInheritedMax = 256;  // descriptors taken from LISTEN_FDS
constexpr int kInheritedFirst = 3;       // SD_LISTEN_FDS_START

}  // namespace

Notice parse_notice(std::string_view datagram) {
  Notice notice;
  for (std::string_view line : split(datagram, '\n')) {
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view key = line.substr(0, equals), value = line.substr(equals + 1);
    if (key == "READY") notice.ready = value == "1";
    if (key == "STOPPING") notice.stopping = value == "1";
    if (key == "STATUS") notice.status = value;
    if (key == "EXTEND_TIMEOUT_USEC") {
      uint64_t usec = parse_u64(value).value_or(0);
      notice.extend_ms = std::min(static_cast<Millis>(std::min<uint64_t>(usec / 1000, kExtendMaxMs)), kExtendMaxMs);
    }
  }
  return notice;
}

void Notifier::send(std::string_view lines) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  if (path_[0] == '@') address.sun_path[0] = '\0';  // abstract: its length counts, there is no final NUL
  socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size() + (path_[0] == '@' ? 0 : 1));
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // A manager that does not listen is its own problem.
  if (fd) ::sendto(fd.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), length);
}

Result<NoticeSocket> NoticeSocket::open() {
  NoticeSocket out;
  out.fd_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.fd_) return errno_error("cannot open a notification socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  int on = 1;
  ::setsockopt(out.fd_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  // A bind with the family alone makes the kernel choose a free abstract name (unix(7), autobind).
  socklen_t length = sizeof address;
  if (::bind(out.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) != 0 ||
      ::getsockname(out.fd_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return errno_error("cannot name a notification socket");
  }
  size_t name_length = length - offsetof(sockaddr_un, sun_path) - 1;
  out.address_ = "@" + std::string(address.sun_path + 1, name_length);
  return out;
}

std::optional<Notice> NoticeSocket::receive(pid_t pid) const {
  for (int read = 0; read < kNoticesAtOnce; ++read) {
    char bytes[kNoticeBytesMax];
    iovec part{bytes, sizeof bytes};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 16)];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t n = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0) return std::nullopt;
    pid_t sender = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != SOL_SOCKET) continue;
      if (c->cmsg_type == SCM_CREDENTIALS) sender = reinterpret_cast<ucred*>(CMSG_DATA(c))->pid;
      // FDSTORE=1 and the like may carry descriptors; we keep none.
      for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
        ::close(reinterpret_cast<int*>(CMSG_DATA(c))[i]);
      }
    }
    if (sender == pid) return parse_notice({bytes, static_cast<size_t>(n)});
  }
  return std::nullopt;
}

std::vector<InheritedSocket> inherited_sockets() {
  std::vector<InheritedSocket> out;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (!pid || !count || parse_u64(pid) != static_cast<uint64_t>(::getpid())) return out;
  uint64_t n = std::min(parse_u64(count).value_or(0), kInheritedMax);
  for (int fd = kInheritedFirst; fd < kInheritedFirst + static_cast<int>(n); ++fd) {
    // What came through execve(2) is not close-on-exec; all that we open ourselves is. A count that is too large, or
    // descriptors that somebody closed on the way, would have us close our own epoll here.
    int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) != 0) continue;
    InheritedSocket socket{Fd(fd)};
    socklen_t length = sizeof socket.type;
    auto address = local_address(fd);
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &socket.type, &length) != 0 || !address) continue;  // not a socket
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    socket.address = *address;
    out.push_back(std::move(socket));
  }
  return out;
}

}  // namespace trimaran
