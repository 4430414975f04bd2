// Reads HTTP/1.1 responses out of a stream of bytes, as a client that forgives nothing: a line without CR, two lengths
// that differ, a chunk that is not one are `malformed`. It is written apart from what the server under test uses to
// write responses, so that the one checks the other. Pure: bytes in, pieces of body out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/body_decoder.h"

namespace trimaran::strict {

class ResponseReader {
 public:
  static constexpr size_t kHeadBytesMax = 64 * 1024;
  static constexpr int kInterimMax = 8;  // 1xx responses before the final one

  enum class Outcome { need_more, done, malformed };
  struct Step {
    size_t consumed = 0;
    std::string_view data;  // a piece of the body, in place
    Outcome outcome = Outcome::need_more;
  };

  // The next response answers a request of this kind. RFC 9112 section 6.3: the answer to HEAD has no body.
  void start(bool head_request);
  // At most one piece of body; call again with the rest until it needs more or is done. After `done` (which includes
  // 101) whatever was not consumed belongs to the next response, or to the upgraded protocol.
  Step next(std::string_view bytes);
  // The stream has ended. Done when the body was framed by exactly that; a lie or a loss otherwise.
  bool complete_at_end() const { return state_ == State::until_end; }

  bool begun() const { return begun_; }    // a byte of it has come
  int status() const { return status_; }   // 0 until the head is whole
  bool closes() const { return closes_; }  // the server will close behind this response
  const std::string& head() const { return head_; }
  // The value of the first header of that name (lower case); "" when there is none.
  std::string_view header(std::string_view name) const;

 private:
  enum class State { head, body, until_end, done, malformed };
  bool parse_head();
  bool read_headers(std::string_view lines);
  bool take_header(std::string_view name, std::string_view value);
  void choose_framing();

  State state_ = State::done;
  bool head_request_ = false, begun_ = false, closes_ = false, chunked_ = false, keeps_ = false;
  int status_ = 0, minor_ = 1, interim_ = 0;
  int64_t length_ = -1;
  std::string head_;
  http::BodyDecoder body_;
};

}  // namespace trimaran::strict
