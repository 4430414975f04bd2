#include "http/head_scanner.h"

#include <cstring>

#include "http/syntax.h"

namespace trimaran::http {

HeadScanner::Outcome HeadScanner::refuse(int status, std::string_view reason) {
  refusal_ = {status, reason};
  return Outcome::refused;
}

// RFC 9112 section 2.2: one empty line before the request line is ignored. Anything else that cannot begin a method is
// refused at its first byte: a TLS handshake on this port must not wait for a line end that never comes.
bool HeadScanner::find_begin(std::string_view bytes) {
  if (bytes.starts_with("\r\n")) begin_ = 2;
  if (bytes.size() == begin_ || bytes == "\r") return true;
  if (!is(bytes[begin_], kToken)) {
    refuse(400, "not HTTP");
    return false;
  }
  began_ = true;
  scanned_ = line_ = begin_;
  return true;
}

HeadScanner::Outcome HeadScanner::scan(std::string_view bytes, const HeadLimits& limits) {
  if (!began_) {
    if (!find_begin(bytes)) return Outcome::refused;
    if (!began_) return Outcome::need_more;
  }
  for (;;) {
    const void* found = std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_);
    if (!found) return check_partial(bytes.size(), limits);
    auto end = static_cast<uint32_t>(static_cast<const char*>(found) - bytes.data()) + 1;
    uint32_t length = end - line_;
    if (headers_ == 0 && length > limits.request_line_bytes + 2) return refuse(414, "the request line is too long");
    if (headers_ != 0 && end - headers_ > limits.header_bytes + 2) return refuse(431, "the header is too large");
    // RFC 9112 section 2.2 allows a bare LF as line end; two readings of one message are how requests are smuggled.
    if (length < 2 || bytes[end - 2] != '\r') return refuse(400, "a line does not end in CRLF");
    scanned_ = end;
    if (length == 2) return Outcome::complete;  // the first line is not empty: find_begin() saw to it
    line_ = end;
    if (headers_ == 0)
      headers_ = end;
    else if (++count_ > limits.header_count)
      return refuse(431, "there are too many header lines");
  }
}

// The line under way will end behind `size`; if that is too late already, there is nothing to wait for.
HeadScanner::Outcome HeadScanner::check_partial(size_t size, const HeadLimits& limits) {
  scanned_ = static_cast<uint32_t>(size);
  if (headers_ == 0 && size + 1 - line_ > limits.request_line_bytes + 2) {
    return refuse(414, "the request line is too long");
  }
  if (headers_ != 0 && size + 1 - headers_ > limits.header_bytes + 2) return refuse(431, "the header is too large");
  return Outcome::need_more;
}

}  // namespace trimaran::http
