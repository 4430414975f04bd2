#include "http/websocket_boundary.h"

#include <algorithm>

#include "base/assert.h"

namespace trimaran::http {

void WebSocketBoundary::pass(std::string_view bytes) {
  while (!bytes.empty() && !lost_) bytes.remove_prefix(take(bytes));
}

std::optional<size_t> WebSocketBoundary::bytes_to_boundary(std::string_view bytes) const {
  WebSocketBoundary ahead = *this;
  size_t taken = 0;
  while (!ahead.at_boundary()) {
    if (ahead.lost_ || taken == bytes.size()) return std::nullopt;
    taken += ahead.take(bytes.substr(taken));
  }
  return taken;
}

// At least one byte, at most the rest of a frame.
size_t WebSocketBoundary::take(std::string_view bytes) {
  if (payload_left_ > 0) {
    auto n = static_cast<size_t>(std::min<uint64_t>(payload_left_, bytes.size()));
    payload_left_ -= n;
    return n;
  }
  header_[header_bytes_++] = static_cast<uint8_t>(bytes[0]);
  if (header_bytes_ == header_bytes_needed()) end_header();
  return 1;
}

size_t WebSocketBoundary::header_bytes_needed() const {
  if (header_bytes_ < 2) return 2;
  size_t length = header_[1] & 0x7f;
  size_t mask = header_[1] & 0x80 ? 4 : 0;  // a server must not, but the count must not suffer from it
  return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + mask;
}

void WebSocketBoundary::end_header() {
  size_t code = header_[1] & 0x7f;
  uint64_t length = code;
  if (code >= 126) {
    length = 0;
    for (size_t i = 0; i < (code == 126 ? 2 : 8); ++i) length = length << 8 | header_[2 + i];
  }
  if (length > INT64_MAX) lost_ = true;  // section 5.2: the most significant bit must be 0
  if ((header_[0] & 0x0f) == 0x8) closed_ = true;
  payload_left_ = length;
  header_bytes_ = 0;
}

std::string websocket_close_frame(uint16_t code, std::string_view reason) {
  constexpr size_t kReasonBytesMax = 123;
  TRIMARAN_ASSERT(reason.size() <= kReasonBytesMax);
  std::string out = {static_cast<char>(0x88), static_cast<char>(2 + reason.size()), static_cast<char>(code >> 8),
                     static_cast<char>(code & 0xff)};
  return out.append(reason);
}

}  // namespace trimaran::http
