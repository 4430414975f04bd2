// WebSocket frames as a server reads and writes them (RFC 6455 section 5): bytes in, messages out. Masking, fragments
// and the checks that the RFC asks for are done here; what a message means, and when a connection closes, is not.
//
// No extension is spoken, so none is ever agreed on (permessage-deflate was left out: its memory for each connection is
// worth more here than the bytes it saves).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trimaran::http {

enum class WebSocketOpcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

enum class WebSocketEvent { incomplete, text, binary, close, ping, pong, violation };

// Section 7.4.1.
constexpr uint16_t kWebSocketNormal = 1000, kWebSocketProtocolError = 1002, kWebSocketNoCode = 1005,
                   kWebSocketAbnormal = 1006, kWebSocketBadData = 1007, kWebSocketTooBig = 1009,
                   kWebSocketInternalError = 1011;

class WebSocketReader {
 public:
  explicit WebSocketReader(size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  // Takes from the front of `bytes` what belongs to the next event. After `close` and `violation` nothing more is
  // taken.
  WebSocketEvent next(std::string_view& bytes);

  // What the last event brought; may be moved away. close: the reason.
  std::string& payload() { return payload_; }
  // close: the client's code, kWebSocketNoCode when it gave none. violation: the code to close with.
  uint16_t code() const { return code_; }

 private:
  static constexpr size_t kHeaderBytesMax = 14;
  static constexpr size_t kControlBytesMax = 125;  // section 5.5

  size_t header_bytes_needed() const;
  bool begin_frame();
  void take_payload(std::string_view& bytes);
  WebSocketEvent end_frame();
  WebSocketEvent end_close();
  WebSocketEvent violate(uint16_t code);
  bool is_control() const { return header_[0] & 0x08; }
  bool is_final() const { return header_[0] & 0x80; }

  const size_t message_bytes_max_;
  uint8_t header_[kHeaderBytesMax] = {};
  size_t header_bytes_ = 0;
  bool in_frame_ = false;  // its header is read
  uint64_t payload_left_ = 0;
  uint8_t mask_[4] = {};
  size_t mask_at_ = 0;
  WebSocketOpcode message_type_ = WebSocketOpcode::continuation;  // of the message under way; continuation: none is
  std::string message_;
  std::string control_;
  std::string payload_;
  uint16_t code_ = 0;
  bool over_ = false;
};

// One whole frame, not masked, as a server sends it (section 5.1).
void append_websocket_frame(std::string& out, WebSocketOpcode opcode, std::string_view payload);

// Whether a close frame may carry the code (section 7.4).
bool is_websocket_close_code(uint16_t code);

bool is_utf8(std::string_view bytes);

}  // namespace trimaran::http
