// WebSocket frames as a client sends and takes them (RFC 6455 section 5): masked out, unmasked in. Strict: reserved
// bits, a masked frame from the server, a fragmented or oversized control frame and a wrong length are `malformed`.
// Fragmented messages are refused too: no echo server needs them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trimaran::strict {

enum class Opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct WebSocketFrame {
  Opcode opcode = Opcode::text;
  std::string_view payload;  // into the bytes that were read
};

constexpr size_t kWebSocketPayloadMax = 1 << 20;

enum class FrameOutcome { need_more, frame, malformed };
// The frame at the start of `bytes`; `consumed` bytes belong to it.
FrameOutcome read_websocket_frame(std::string_view bytes, WebSocketFrame& out, size_t& consumed);
// With the mask key `mask` (RFC 6455 section 5.3; here it need not be random, there is no proxy to protect).
void append_websocket_frame(std::string& out, Opcode opcode, std::string_view payload, uint32_t mask);
// The code of a close frame: 1005 when it has none (RFC 6455 section 7.1.5); 1006 stands for a close without frame.
constexpr int kNoCloseCode = 1005, kNoCloseFrame = 1006;
int close_code(std::string_view payload);

}  // namespace trimaran::strict
