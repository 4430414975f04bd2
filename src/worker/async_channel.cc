#include "worker/async_channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace trimaran::worker {

AsyncChannel::AsyncChannel(Fd socket, Ledger shared) : ledger(std::move(shared)), socket_(std::move(socket)) {}

bool AsyncChannel::flush() {
  while (sent_ < out_.size()) {
    ssize_t n = send_some();
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (sent_ < out_.size() / 2) return true;
      out_.erase(0, sent_);
      for (File& file : files_) file.at -= sent_;
      sent_ = 0;
      return true;
    }
    if (n < 0) break;
    sent_ += static_cast<size_t>(n);
  }
  bool there = sent_ == out_.size();
  forget_out();
  return there;
}

void AsyncChannel::shut() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  forget_out();
}

void AsyncChannel::forget_out() {
  out_.clear();
  files_.clear();
  sent_ = 0;
  if (out_.capacity() > kOutBytesMax) out_.shrink_to_fit();
}

// A descriptor must be on the first byte of its frame (frame.h), so a send ends before the next one of them.
ssize_t AsyncChannel::send_some() {
  bool with_file = !files_.empty() && files_.front().at == sent_;
  size_t next_file = with_file ? 1 : 0;
  size_t end = next_file < files_.size() ? files_[next_file].at : out_.size();
  iovec part{out_.data() + sent_, end - sent_};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (with_file) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    int fd = files_.front().fd.get();
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  ssize_t n = ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0 && with_file) files_.pop_front();
  return n;
}

}  // namespace trimaran::worker
