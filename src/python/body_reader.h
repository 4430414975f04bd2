// The request body as wsgi.input reads it: any number of bytes, or a line. No Python in here: all of it runs without
// the GIL.
#pragma once

#include <string>

#include "worker/worker.h"

namespace trimaran::python {

class BodyReader {
 public:
  static constexpr size_t kReadBytes = 64 * 1024;  // taken from the worker at a time

  explicit BodyReader(worker::Request& request) : request_(request) {}

  // Appends `size_max` bytes to `out`, or fewer at the end of the body. False: the client is gone.
  bool read(size_t size_max, std::string& out) { return take(size_max, false, out); }
  // The same, but at most one line, with its "\n".
  bool read_line(size_t size_max, std::string& out) { return take(size_max, true, out); }

 private:
  bool take(size_t size_max, bool line, std::string& out);
  bool fill();

  worker::Request& request_;
  std::string buffer_;  // bytes from at_ on are unread
  size_t at_ = 0;
  bool complete_ = false;
};

}  // namespace trimaran::python
