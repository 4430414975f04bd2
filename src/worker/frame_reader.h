// The bytes that came over a worker's channel, and the frames in them.
#pragma once

#include <string>

#include "worker/frame.h"

namespace trimaran::worker {

class FrameReader {
 public:
  static constexpr size_t kReadBytes = 64 * 1024;  // taken from the socket at a time; many small requests fit

  FrameReader() : in_(kReadBytes, '\0') {}

  // One recv(2) of `socket`, without waiting. False: the front is gone.
  bool fill(int socket);
  // The next whole frame of what was read. Its payload is valid until the next fill().
  FrameStatus next(Frame& frame);

 private:
  std::string in_;  // bytes [begin_, end_) were read and not yet used
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace trimaran::worker
