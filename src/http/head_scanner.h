// Finds the end of a request head in bytes that arrive in pieces, and remembers how far it has looked, so a client that
// sends one byte at a time costs one look a byte and not a parse. The head is parsed once, when it is whole
// (request_head.h); that also means that no view has to survive a buffer that grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trimaran::http {

// Why a request is not served: a status with a phrase for the page and the log. Status 0: it is served.
struct Refusal {
  int status = 0;
  std::string_view reason;
  explicit operator bool() const { return status != 0; }
};

struct HeadLimits {
  uint32_t request_line_bytes = 8 * 1024;  // without CRLF; more is 414
  uint32_t header_bytes = 32 * 1024;       // all header lines with their CRLFs; more is 431
  uint32_t header_count = 100;             // more is 431
};

class HeadScanner {
 public:
  enum class Outcome { need_more, complete, refused };

  // `bytes` begins where the last head (or body) ended, and holds what the last call held and maybe more. The outcome
  // does not depend on how the bytes were cut into calls.
  Outcome scan(std::string_view bytes, const HeadLimits& limits);

  // After `complete`: where the head begins (behind an ignored empty line) and ends (behind its last CRLF).
  size_t begin() const { return begin_; }
  size_t end() const { return scanned_; }
  const Refusal& refusal() const { return refusal_; }
  void reset() { *this = HeadScanner(); }

 private:
  Outcome refuse(int status, std::string_view reason);
  bool find_begin(std::string_view bytes);
  Outcome check_partial(size_t size, const HeadLimits& limits);

  Refusal refusal_;
  uint32_t begin_ = 0;
  uint32_t scanned_ = 0;
  uint32_t line_ = 0;     // where the line under way begins
  uint32_t headers_ = 0;  // where the header lines begin; 0 in the request line
  uint32_t count_ = 0;    // header lines seen
  bool began_ = false;
};

}  // namespace trimaran::http
