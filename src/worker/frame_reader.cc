#include "worker/frame_reader.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace trimaran::worker {

bool FrameReader::fill(int socket) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (in_.size() > kReadBytes) {  // one large frame was here; do not keep its memory
      in_.resize(kReadBytes);
      in_.shrink_to_fit();
    }
  } else if (begin_ > 0) {
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // next() refuses frames beyond kFramePayloadMax, so this ends at that size plus one read.
  if (end_ == in_.size()) in_.resize(in_.size() * 2);
  ssize_t n;
  do {
    n = ::recv(socket, in_.data() + end_, in_.size() - end_, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return errno == EAGAIN;
  end_ += static_cast<size_t>(n);
  return n > 0;
}

FrameStatus FrameReader::next(Frame& frame) {
  size_t consumed = 0;
  FrameStatus status = read_frame(std::string_view(in_).substr(begin_, end_ - begin_), frame, consumed);
  begin_ += consumed;
  return status;
}

}  // namespace trimaran::worker
