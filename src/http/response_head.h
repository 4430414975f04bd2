// Parses the head of a response that an application sent us (RFC 9112 sections 4, 5 and 6.3), in place. As strict as
// for requests: a response that two programs could read in two ways would let one visitor's answer run into the next
// one's on a connection that is used again. What is refused becomes a 502 for the visitor; nothing of it is passed on.
#pragma once

#include <string_view>
#include <vector>

#include "http/head_scanner.h"
#include "http/message.h"

namespace trimaran::http {

// What we take from an application; more is a broken one. Twice what browsers take.
inline constexpr HeadLimits kResponseHeadLimits{
    .request_line_bytes = 8 * 1024, .header_bytes = 256 * 1024, .header_count = 500};

// Views into the bytes it was parsed from.
struct ParsedResponse {
  int status = 0;  // 100..599
  std::string_view reason;
  Version version = Version::http11;
  Framing framing = Framing::none;
  int64_t content_length = -1;  // what the head says, also when there is no body (HEAD, 304); -1: nothing
  bool keep_alive = false;      // after the body the connection may carry another request
  // Without Connection and what it names, framing, and the other hop-by-hop fields (RFC 9110 section 7.6.1). Upgrade is
  // kept in a 101.
  std::vector<HeaderView> headers;
};

// `bytes`: from the status line to the CRLF CRLF, as HeadScanner found them. `method`: of the request (a HEAD has no
// body). Reuses the vector of `out`. After a refusal `out` means nothing.
Refusal parse_response_head(std::string_view bytes, Method method, ParsedResponse& out);

// RFC 9110 section 7.6.1: a field that is between two neighbours only, whatever Connection says.
bool is_hop_by_hop(std::string_view name);

}  // namespace trimaran::http
