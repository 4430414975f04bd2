#include "http/body_decoder.h"

#include <algorithm>

#include "base/strings.h"
#include "http/syntax.h"

namespace trimaran::http {

void BodyDecoder::start(int64_t content_length, uint64_t bytes_max) {
  *this = BodyDecoder();
  room_ = bytes_max;
  if (content_length < 0) {
    state_ = State::size_first;
    return;
  }
  left_ = content_length;
  state_ = content_length == 0 ? State::done : State::counted;
  if (static_cast<uint64_t>(content_length) > bytes_max) state_ = State::too_large;
}

BodyDecoder::Step BodyDecoder::next(std::string_view bytes) {
  size_t at = 0;
  for (;;) {
    switch (state_) {
      case State::done:
        return {at, {}, Outcome::done};
      case State::malformed:
        return {at, {}, Outcome::malformed};
      case State::too_large:
        return {at, {}, Outcome::too_large};
      default:
        break;
    }
    if (at == bytes.size()) return {at, {}, Outcome::need_more};
    if (state_ == State::counted || state_ == State::data) return content(bytes.substr(at), at);
    framing_byte(bytes[at++]);
  }
}

BodyDecoder::Step BodyDecoder::content(std::string_view bytes, size_t already) {
  std::string_view piece =
      bytes.substr(0, static_cast<size_t>(std::min<int64_t>(left_, static_cast<int64_t>(bytes.size()))));
  left_ -= static_cast<int64_t>(piece.size());
  if (left_ == 0) state_ = state_ == State::counted ? State::done : State::data_cr;
  return {already + piece.size(), piece, done() ? Outcome::done : Outcome::need_more};
}

void BodyDecoder::framing_byte(char c) {
  switch (state_) {
    case State::size_first:
    case State::size:
      return size_byte(c);
    case State::extension:
      if (c == '\r')
        state_ = State::size_lf;
      else if (!is(c, kFieldByte) || ++extension_bytes_ > kExtensionBytesMax)
        state_ = State::malformed;
      return;
    case State::size_lf:
      if (c == '\n')
        size_ended();
      else
        state_ = State::malformed;
      return;
    case State::data_cr:
      state_ = c == '\r' ? State::data_lf : State::malformed;
      return;
    case State::data_lf:
      state_ = c == '\n' ? State::size_first : State::malformed;
      return;
    default:
      return trailer_byte(c);
  }
}

// RFC 9112 section 7.1: chunk-size is 1*HEXDIG; a space, a sign or "0x" would be read differently by others.
void BodyDecoder::size_byte(char c) {
  int value = hex_value(c);
  if (value >= 0) {
    if (state_ == State::size_first) left_ = digits_ = 0;
    state_ = ++digits_ > kChunkSizeDigitsMax ? State::malformed : State::size;
    if (state_ == State::size) left_ = left_ * 16 + value;
  } else if (state_ == State::size && c == '\r') {
    state_ = State::size_lf;
  } else {
    state_ = state_ == State::size && c == ';' ? State::extension : State::malformed;
  }
}

void BodyDecoder::size_ended() {
  if (left_ == 0) {
    state_ = State::line_start;
  } else if (static_cast<uint64_t>(left_) > room_) {
    state_ = State::too_large;
  } else {
    room_ -= static_cast<uint64_t>(left_);
    state_ = State::data;
  }
}

void BodyDecoder::trailer_byte(char c) {
  if (++trailer_bytes_ > kTrailerBytesMax) {
    state_ = State::malformed;
    return;
  }
  switch (state_) {
    case State::line_start:
      if (c == '\r')
        state_ = State::last_lf;
      else
        state_ = is(c, kToken) ? State::trailer_name : State::malformed;
      return;
    case State::trailer_name:
      if (c == ':')
        state_ = State::trailer_value;
      else if (!is(c, kToken))
        state_ = State::malformed;
      return;
    case State::trailer_value:
      if (c == '\r')
        state_ = State::trailer_lf;
      else if (!is(c, kFieldByte))
        state_ = State::malformed;
      return;
    case State::trailer_lf:
      state_ = c == '\n' ? State::line_start : State::malformed;
      return;
    default:
      state_ = c == '\n' ? State::done : State::malformed;
      return;  // last_lf
  }
}

}  // namespace trimaran::http
