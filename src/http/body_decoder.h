// The framing of a request body: a counted one (Content-Length) or a chunked one (RFC 9112 section 7.1). Takes bytes as
// they come and gives back the pieces of content among them, in place. Trailers are checked and dropped: no handler
// asks for them, and merging them into the header is a known way to forge one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trimaran::http {

class BodyDecoder {
 public:
  // Of one whole body: extensions mean nothing to us, so only the honest few bytes are tolerated.
  static constexpr size_t kExtensionBytesMax = 4 * 1024;
  static constexpr size_t kTrailerBytesMax = 8 * 1024;
  static constexpr int kChunkSizeDigitsMax = 15;  // any such size fits int64_t

  enum class Outcome { need_more, done, malformed, too_large };
  struct Step {
    size_t consumed = 0;    // bytes of the input that are dealt with
    std::string_view data;  // content among them; may be empty although bytes were consumed
    Outcome outcome = Outcome::need_more;
  };

  // content_length -1: chunked. More than `bytes_max` of content is too_large.
  void start(int64_t content_length, uint64_t bytes_max);

  // At most one piece of content; call again with the rest while it consumes something and says need_more.
  Step next(std::string_view bytes);
  bool done() const { return state_ == State::done; }

 private:
  enum class State : uint8_t {
    counted,
    size_first,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    line_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    done,
    malformed,
    too_large
  };
  void framing_byte(char c);
  void size_byte(char c);
  void size_ended();
  void trailer_byte(char c);
  Step content(std::string_view bytes, size_t already);

  State state_ = State::done;
  int8_t digits_ = 0;
  uint16_t extension_bytes_ = 0;
  uint16_t trailer_bytes_ = 0;
  int64_t left_ = 0;   // of the counted body or of the chunk
  uint64_t room_ = 0;  // content that may still come
};

}  // namespace trimaran::http
