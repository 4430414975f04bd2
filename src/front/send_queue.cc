#include "front/send_queue.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.h"

namespace trimaran::front {

std::string& SendQueue::text() {
  TRIMARAN_ASSERT(!has_tail());
  if (!text_) text_ = pool_.take_output();
  // The part that is already sent goes when it is the larger one, so that a long stream does not grow without end.
  if (sent_ > 0 && sent_ >= text_->size() / 2) {
    text_->erase(0, sent_);
    sent_ = 0;
  }
  return *text_;
}

void SendQueue::set_tail(PinnedFile file, size_t offset, size_t length) {
  TRIMARAN_ASSERT(!has_tail());
  if (length == 0) return;
  tail_ = std::move(file);
  tail_at_ = offset;
  tail_left_ = length;
  tail_sent_ = 0;
}

ssize_t SendQueue::send_memory(int fd, int flags) const {
  if (!has_tail()) return ::send(fd, text_->data() + sent_, text_left(), flags);
  // The first bytes of the file follow at once, and share a segment with the head.
  if (!tail_->in_memory()) return ::send(fd, text_->data() + sent_, text_left(), flags | MSG_MORE);
  const char* tail = tail_->block.data() + tail_at_;
  if (text_left() == 0) return ::send(fd, tail, tail_left_, flags);
  iovec parts[2] = {{text_->data() + sent_, text_left()}, {const_cast<char*>(tail), tail_left_}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  return ::sendmsg(fd, &message, flags);
}

ssize_t SendQueue::send_file(int fd) const {
  auto at = static_cast<off_t>(tail_at_);
  return ::sendfile(fd, tail_->fd.get(), &at, std::min(tail_left_, kFlushBytesMax));
}

void SendQueue::advance(size_t n) {
  size_t of_text = std::min(n, text_left());
  sent_ += of_text;
  if (text_ && sent_ == text_->size()) {
    text_->clear();
    sent_ = 0;
  }
  tail_at_ += n - of_text;
  tail_left_ -= n - of_text;
  tail_sent_ += n - of_text;
  if (tail_left_ == 0) tail_.reset();
}

void SendQueue::give_room(int fd, bool for_file) {
  if (has_room_ == for_file) return;
  has_room_ = for_file;
  int bytes = for_file ? kUnsentFileBytes : kUnsentBytes;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

SendQueue::Outcome SendQueue::flush(int fd, bool more, size_t& taken) {
  int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  size_t of_file = 0;
  while (!empty()) {
    bool from_file = has_large_tail() && text_left() == 0;
    if (from_file && of_file >= kFlushBytesMax) return Outcome::unfinished;
    if (from_file && tail_sent_ >= kProvenBytes && tail_left_ > kFlushBytesMax) give_room(fd, true);
    size_t offered = has_large_tail() ? text_left() : size();
    ssize_t n = from_file ? send_file(fd) : send_memory(fd, flags);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN ? Outcome::blocked : Outcome::broken;
    if (n == 0) return Outcome::broken;  // the file ends here now
    auto sent = static_cast<size_t>(n);
    advance(sent);
    taken += sent;
    if (from_file)
      of_file += sent;  // a short count may have other reasons; EAGAIN will say that the socket's buffer is full
    else if (sent < offered)
      return Outcome::blocked;
  }
  give_room(fd, false);
  return Outcome::all_sent;
}

void SendQueue::release() {
  pool_.give(std::move(text_));
  tail_.reset();
  sent_ = tail_left_ = 0;
}

}  // namespace trimaran::front
