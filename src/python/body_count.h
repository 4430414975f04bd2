// Counts the body of a response against its head: no more leaves than Content-Length says, and nothing where HTTP knows
// no body.
#pragma once

#include <cstdint>
#include <string_view>

#include "python/response_head.h"
#include "worker/frame.h"

namespace trimaran::python {

class BodyCount {
 public:
  // Both must outlive it.
  BodyCount(const worker::RequestHeadView& request, const ResponseHead& response)
      : request_(request), response_(response), is_head_(request.method == "HEAD") {}

  bool is_head() const { return is_head_; }
  bool has_body() const { return !is_head_ && response_.has_body(); }
  // As much of `bytes` as may still be sent; it counts as sent. The first surplus is logged.
  std::string_view admit(std::string_view bytes);
  uint64_t sent() const { return sent_; }
  bool complete() const { return response_.known_length() && sent_ == length(); }
  // False, with a Python error set: the response would end before its Content-Length.
  bool check_end(uint64_t bytes) const;

 private:
  uint64_t length() const { return static_cast<uint64_t>(response_.view().content_length); }

  const worker::RequestHeadView& request_;
  const ResponseHead& response_;
  const bool is_head_;
  uint64_t sent_ = 0;
  bool said_too_much_ = false;
};

}  // namespace trimaran::python
