#include "worker/channel.h"

#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "os/descriptor_passing.h"

namespace trimaran::worker {

WorkerChannel::WorkerChannel(Fd socket, Ledger shared, Millis write_wait_ms)
    : ledger(std::move(shared)), socket_(std::move(socket)), write_wait_ms_(write_wait_ms) {}

bool WorkerChannel::keep(std::string_view head, std::string_view body) {
  if (head.size() + body.size() > kKeptBytesMax) return false;
  std::unique_lock lock(write_mutex_, std::try_to_lock);
  if (!lock || kept_count_.load(std::memory_order_relaxed) == kKeptMax - 1) return false;
  kept_.append(head).append(body);
  kept_count_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool WorkerChannel::flush() {
  std::lock_guard lock(write_mutex_);
  return write_locked({}, {});
}

bool WorkerChannel::write(std::string_view head, std::string_view body) {
  std::lock_guard lock(write_mutex_);
  return write_locked(head, body);
}

bool WorkerChannel::write_with(const Fd& file, std::string_view frame) {
  std::lock_guard lock(write_mutex_);
  if (!write_locked({}, {})) return false;
  ssize_t n;
  while ((n = send_bytes(socket_.get(), frame, file)) < 0) {
    if (!wait_for_room()) return false;
  }
  return write_locked(frame.substr(static_cast<size_t>(n)), {});
}

// After a write that failed. False: it will fail again.
bool WorkerChannel::wait_for_room() {
  if (errno == EINTR) return true;
  if (errno == EAGAIN) {
    pollfd wait{socket_.get(), POLLOUT, 0};
    if (::poll(&wait, 1, static_cast<int>(write_wait_ms_)) != 0) return true;  // an interrupted one just tries again
    give_up();
  }
  shut();
  return false;
}

// First what was kept, in the same write.
bool WorkerChannel::write_locked(std::string_view head, std::string_view body) {
  iovec parts[3];
  msghdr header{};
  header.msg_iov = parts;
  size_t left = 0;
  for (std::string_view part : {std::string_view(kept_), head, body}) {
    if (part.empty()) continue;
    parts[header.msg_iovlen++] = {const_cast<char*>(part.data()), part.size()};
    left += part.size();
  }
  bool sent = send_all(header, left);
  kept_.clear();
  kept_count_.store(0, std::memory_order_relaxed);
  return sent;
}

bool WorkerChannel::send_all(msghdr& header, size_t left) {
  while (left > 0) {
    ssize_t n = ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      if (wait_for_room()) continue;
      return false;
    }
    left -= static_cast<size_t>(n);
    for (size_t i = 0; i < header.msg_iovlen; ++i) {
      iovec& part = header.msg_iov[i];
      size_t taken = std::min(part.iov_len, static_cast<size_t>(n));
      part.iov_base = static_cast<char*>(part.iov_base) + taken;
      part.iov_len -= taken;
      n -= static_cast<ssize_t>(taken);
    }
  }
  return true;
}

void WorkerChannel::shut() { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace trimaran::worker
