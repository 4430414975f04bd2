// Where the frames of a WebSocket end, for whoever passes its bytes on without reading them (RFC 6455 section 5.2).
//
// The front pipes a tunnel as raw bytes, and at the drain limit it must still say goodbye: a close frame is only a
// close frame between two frames. So it counts headers and lengths, for the direction from server to client alone.
// Between the fragments of a message a control frame is allowed (section 5.4), so every frame's end will do. Rejected:
// the whole codec here; what travels is the business of the two ends, and a mistake of theirs is none of the front's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trimaran::http {

class WebSocketBoundary {
 public:
  // Every byte of the direction, in order and from the first one after the 101, as it leaves.
  void pass(std::string_view bytes);

  // Whether the bytes that passed end with a whole frame (or there were none).
  bool at_boundary() const { return !lost_ && header_bytes_ == 0 && payload_left_ == 0; }
  // A close frame has begun: no frame may follow it (section 5.5.1).
  bool closed() const { return closed_; }
  // How many of `bytes`, which come next, belong to the frame that is under way; nothing when it does not end in them.
  std::optional<size_t> bytes_to_boundary(std::string_view bytes) const;

 private:
  static constexpr size_t kHeaderBytesMax = 14;

  size_t take(std::string_view bytes);
  size_t header_bytes_needed() const;
  void end_header();

  uint8_t header_[kHeaderBytesMax] = {};
  size_t header_bytes_ = 0;  // of the header that is under way; 0: none is
  uint64_t payload_left_ = 0;
  bool closed_ = false;
  bool lost_ = false;  // a length that no frame can have: from there on nothing is known
};

// A whole close frame as a server sends it; `reason` is UTF-8 of at most 123 bytes (section 5.5).
std::string websocket_close_frame(uint16_t code, std::string_view reason = {});

}  // namespace trimaran::http
