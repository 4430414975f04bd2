// Messages with descriptors between two processes: a SOCK_SEQPACKET pair keeps borders, and SCM_RIGHTS carries files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/fd.h"

namespace trimaran {

// A verb, some fields and some descriptors. On the wire: strings that end in NUL: the verb, then key, value, key, ...
struct Message {
  std::string verb;
  std::map<std::string, std::string> fields;
  std::vector<Fd> fds;

  const std::string& field(const std::string& key) const;  // "" when it is not there
};

// The beginning of a stranger's words (a reason, a request) as a field may hold them: without NUL, and so little that a
// message has room for them.
std::string field_text(std::string_view text);
constexpr size_t kFieldTextBytesMax = 4 * 1024;  // a sentence; a traceback belongs into a log

class MessageSocket {
 public:
  static constexpr size_t kMessageBytesMax = 64 * 1024;  // larger content travels in a memfd
  static constexpr size_t kMessageFdsMax = 64;           // the kernel's own limit is 253 (SCM_MAX_FD)

  MessageSocket() = default;
  explicit MessageSocket(Fd fd) : fd_(std::move(fd)) {}
  static Result<std::pair<MessageSocket, MessageSocket>> make_pair();  // both non-blocking and close-on-exec

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  void close() { fd_.reset(); }
  Fd take_fd() { return std::move(fd_); }

  // Sends at once or waits at most `kSendWaitMs` for room; a peer that does not read for so long is an error. The
  // descriptors are copied by the kernel; the caller's stay its own.
  static constexpr int kSendWaitMs = 5000;
  Status send(const Message& message) const;
  // The next message; nothing when there is none now; an error when the peer is gone or talks nonsense.
  Result<std::optional<Message>> receive() const;

 private:
  Fd fd_;
};

}  // namespace trimaran
