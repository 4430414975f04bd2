// Both ends of systemd's notification protocol (sd_notify(3)) and its socket activation (sd_listen_fds(3)). Implemented
// here because it is a datagram and an environment variable; libsystemd would bring a megabyte and its own logging.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "os/fd.h"
#include "os/socket.h"

namespace trimaran {

// What one datagram says. Pure.
struct Notice {
  bool ready = false;
  bool stopping = false;
  Millis extend_ms = 0;  // EXTEND_TIMEOUT_USEC: give it so much longer, from now
  std::string status;    // STATUS=
};
Notice parse_notice(std::string_view datagram);

// Sends to the NOTIFY_SOCKET that we were started with; without one, every send does nothing.
class Notifier {
 public:
  explicit Notifier(std::string socket_path) : path_(std::move(socket_path)) {}
  void send(std::string_view lines) const;

 private:
  std::string path_;
};

// The NOTIFY_SOCKET that we give to a child. An abstract address: no file is left behind. Whoever finds the name may
// send to it, so only datagrams of the child itself (SCM_CREDENTIALS) count.
class NoticeSocket {
 public:
  NoticeSocket() = default;
  NoticeSocket(Fd fd, std::string address) : fd_(std::move(fd)), address_(std::move(address)) {}  // opened earlier
  static Result<NoticeSocket> open();

  static constexpr int kNoticesAtOnce = 8;  // then the loop's others have their turn

  int fd() const { return fd_.get(); }
  const std::string& address() const { return address_; }  // "@..." for the child's environment
  // The next notice of process `pid`; nothing when there is none now, or none among the next kNoticesAtOnce.
  std::optional<Notice> receive(pid_t pid) const;

 private:
  Fd fd_;
  std::string address_;
};

// The sockets that systemd opened for us (descriptors 3 and up), close-on-exec from now on.
struct InheritedSocket {
  Fd fd;
  int type = 0;  // SOCK_STREAM or SOCK_DGRAM
  Address address;
};
std::vector<InheritedSocket> inherited_sockets();

}  // namespace trimaran
