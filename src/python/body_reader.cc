#include "python/body_reader.h"

#include <algorithm>

namespace trimaran::python {

bool BodyReader::take(size_t size_max, bool line, std::string& out) {
  size_t left = size_max;
  while (left > 0) {
    if (at_ == buffer_.size()) {
      if (complete_) return true;
      if (!fill()) return false;
      continue;
    }
    size_t n = std::min(left, buffer_.size() - at_);
    size_t newline = line ? buffer_.find('\n', at_) : std::string::npos;
    bool whole_line = newline != std::string::npos && newline - at_ < n;
    if (whole_line) n = newline - at_ + 1;
    out.append(buffer_, at_, n);
    at_ += n;
    left -= n;
    if (whole_line) return true;
  }
  return true;
}

bool BodyReader::fill() {
  buffer_.resize(kReadBytes);
  at_ = 0;
  int64_t n = request_.read_body(buffer_.data(), buffer_.size());
  buffer_.resize(n > 0 ? static_cast<size_t>(n) : 0);
  complete_ = n == 0;
  return n >= 0;
}

}  // namespace trimaran::python
