#include "http/websocket.h"

#include <algorithm>
#include <utility>

namespace trimaran::http {

WebSocketEvent WebSocketReader::next(std::string_view& bytes) {
  while (!over_) {
    if (!in_frame_) {
      while (header_bytes_ < header_bytes_needed()) {
        if (bytes.empty()) return WebSocketEvent::incomplete;
        header_[header_bytes_++] = static_cast<uint8_t>(bytes[0]);
        bytes.remove_prefix(1);
      }
      if (!begin_frame()) return WebSocketEvent::violation;
    }
    take_payload(bytes);
    if (payload_left_ > 0) return WebSocketEvent::incomplete;
    in_frame_ = false;
    header_bytes_ = 0;
    WebSocketEvent event = end_frame();
    if (event != WebSocketEvent::incomplete) return event;
  }
  return WebSocketEvent::incomplete;
}

size_t WebSocketReader::header_bytes_needed() const {
  if (header_bytes_ < 2) return 2;
  size_t length = header_[1] & 0x7f;
  return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (header_[1] & 0x80 ? 4 : 0);
}

// Everything that can be wrong with a header, before a byte of the payload is taken.
bool WebSocketReader::begin_frame() {
  auto opcode = static_cast<WebSocketOpcode>(header_[0] & 0x0f);
  size_t code = header_[1] & 0x7f;
  uint64_t length = code;
  if (code >= 126) {
    length = 0;
    for (size_t i = 0; i < (code == 126 ? 2 : 8); ++i) length = length << 8 | header_[2 + i];
  }
  bool fragmented = message_type_ != WebSocketOpcode::continuation;
  bool known = opcode <= WebSocketOpcode::binary || (is_control() && opcode <= WebSocketOpcode::pong);
  bool minimal = code < 126 || (code == 126 ? length > 125 : length > 0xffff && length <= INT64_MAX);
  bool masked = header_[1] & 0x80;    // section 5.1: a client always masks
  bool reserved = header_[0] & 0x70;  // section 5.2: no extension was agreed on
  if (!known || !minimal || !masked || reserved) return violate(kWebSocketProtocolError), false;
  if (is_control()) {
    if (!is_final() || length > kControlBytesMax) return violate(kWebSocketProtocolError), false;
  } else {
    // Section 5.4: the fragments of one message are not mixed with another.
    if ((opcode == WebSocketOpcode::continuation) != fragmented) return violate(kWebSocketProtocolError), false;
    if (length > message_bytes_max_ - message_.size()) return violate(kWebSocketTooBig), false;
    if (!fragmented) message_type_ = opcode;
  }
  std::copy_n(header_ + header_bytes_ - 4, 4, mask_);
  mask_at_ = 0;
  payload_left_ = length;
  in_frame_ = true;
  return true;
}

void WebSocketReader::take_payload(std::string_view& bytes) {
  std::string& to = is_control() ? control_ : message_;
  auto n = static_cast<size_t>(std::min<uint64_t>(payload_left_, bytes.size()));
  size_t at = to.size();
  to.append(bytes.substr(0, n));
  for (size_t i = at; i < to.size(); ++i) to[i] = static_cast<char>(to[i] ^ static_cast<char>(mask_[mask_at_++ & 3]));
  bytes.remove_prefix(n);
  payload_left_ -= n;
}

WebSocketEvent WebSocketReader::end_frame() {
  if (is_control()) {
    payload_ = std::exchange(control_, {});
    auto opcode = static_cast<WebSocketOpcode>(header_[0] & 0x0f);
    if (opcode == WebSocketOpcode::close) return end_close();
    return opcode == WebSocketOpcode::ping ? WebSocketEvent::ping : WebSocketEvent::pong;
  }
  if (!is_final()) return WebSocketEvent::incomplete;
  payload_ = std::exchange(message_, {});
  bool is_text = std::exchange(message_type_, WebSocketOpcode::continuation) == WebSocketOpcode::text;
  if (is_text && !is_utf8(payload_)) return violate(kWebSocketBadData);  // section 8.1
  return is_text ? WebSocketEvent::text : WebSocketEvent::binary;
}

WebSocketEvent WebSocketReader::end_close() {
  code_ = kWebSocketNoCode;
  over_ = true;
  if (payload_.empty()) return WebSocketEvent::close;
  if (payload_.size() < 2) return violate(kWebSocketProtocolError);
  code_ = static_cast<uint16_t>(static_cast<uint8_t>(payload_[0]) << 8 | static_cast<uint8_t>(payload_[1]));
  payload_.erase(0, 2);
  if (!is_websocket_close_code(code_)) return violate(kWebSocketProtocolError);
  if (!is_utf8(payload_)) return violate(kWebSocketBadData);
  return WebSocketEvent::close;
}

WebSocketEvent WebSocketReader::violate(uint16_t code) {
  code_ = code;
  over_ = true;
  payload_.clear();
  return WebSocketEvent::violation;
}

void append_websocket_frame(std::string& out, WebSocketOpcode opcode, std::string_view payload) {
  out += static_cast<char>(0x80 | static_cast<uint8_t>(opcode));
  uint64_t length = payload.size();
  int length_bytes = length < 126 ? 0 : length <= 0xffff ? 2 : 8;
  out += static_cast<char>(length_bytes == 0 ? length : length_bytes == 2 ? 126 : 127);
  for (int i = length_bytes - 1; i >= 0; --i) out += static_cast<char>(length >> (8 * i) & 0xff);
  out += payload;
}

bool is_websocket_close_code(uint16_t code) {
  // 1004 to 1006 and 1015 are never on the wire; 1016 to 2999 are not given to anybody.
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

// RFC 3629 section 4.
bool is_utf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    auto byte = [&](size_t at) { return at < bytes.size() ? static_cast<uint8_t>(bytes[at]) : uint8_t{0}; };
    uint8_t first = byte(i);
    if (first < 0x80) {
      ++i;
      continue;
    }
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    // The second byte's range keeps out overlong forms, surrogates, and what is beyond U+10FFFF.
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0xc2 || first > 0xf4 || byte(i + 1) < low || byte(i + 1) > high) return false;
    for (size_t k = 2; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

}  // namespace trimaran::http
