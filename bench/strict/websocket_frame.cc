#include "strict/websocket_frame.h"

namespace trimaran::strict {

namespace {

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (char b : bytes) value = value << 8 | static_cast<uint8_t>(b);
  return value;
}

bool known(uint8_t opcode) { return opcode == 1 || opcode == 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

FrameOutcome read_websocket_frame(std::string_view bytes, WebSocketFrame& out, size_t& consumed) {
  if (bytes.size() < 2) return FrameOutcome::need_more;
  auto first = static_cast<uint8_t>(bytes[0]), second = static_cast<uint8_t>(bytes[1]);
  uint8_t opcode = first & 0x0f;
  bool final = first & 0x80, masked = second & 0x80;
  if ((first & 0x70) || !final || masked || !known(opcode)) return FrameOutcome::malformed;
  uint64_t length = second & 0x7f;
  size_t header = length == 126 ? 4 : length == 127 ? 10 : 2;
  if (opcode >= 8 && header != 2) return FrameOutcome::malformed;
  if (bytes.size() < header) return FrameOutcome::need_more;
  if (header > 2) length = big_endian(bytes.substr(2, header - 2));
  bool minimal = header == 2 || (header == 4 ? length > 125 : length > 0xffff);
  if (!minimal || length > kWebSocketPayloadMax) return FrameOutcome::malformed;
  if (bytes.size() - header < length) return FrameOutcome::need_more;
  out = {static_cast<Opcode>(opcode), bytes.substr(header, length)};
  consumed = header + length;
  return FrameOutcome::frame;
}

void append_websocket_frame(std::string& out, Opcode opcode, std::string_view payload, uint32_t mask) {
  out += static_cast<char>(0x80 | static_cast<uint8_t>(opcode));
  auto length = [&out](uint8_t mark, uint64_t value, int bytes) {
    out += static_cast<char>(0x80 | mark);
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  };
  if (payload.size() <= 125)
    length(static_cast<uint8_t>(payload.size()), 0, 0);
  else if (payload.size() <= 0xffff)
    length(126, payload.size(), 2);
  else
    length(127, payload.size(), 8);
  char key[4];
  for (int i = 0; i < 4; ++i) out += key[i] = static_cast<char>(mask >> (24 - 8 * i));
  for (size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
}

int close_code(std::string_view payload) {
  return payload.size() < 2 ? kNoCloseCode : static_cast<int>(big_endian(payload.substr(0, 2)));
}

}  // namespace trimaran::strict
