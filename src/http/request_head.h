// Parses a whole request head (RFC 9112 sections 3, 5 and 6) in place: every view points into `bytes`, nothing is
// allocated but the reused header vector. Strict where the RFC lets a server be lenient: whatever two programs on the
// way could read in two ways is refused, so a request cannot be smuggled behind another one.
#pragma once

#include <string_view>

#include "http/head_scanner.h"
#include "http/message.h"

namespace trimaran::http {

// `bytes`: from the first byte of the request line to the CRLF CRLF, as HeadScanner found them. Fills `head` (its
// header vector is reused); a refusal leaves it half filled: method_token and target may be shown in a log, nothing
// else.
Refusal parse_request_head(std::string_view bytes, RequestHead& head);

// "example.com:8080" without the port; nothing to keep when `text` is not a host (RFC 3986 section 3.2.2).
bool split_host(std::string_view text, std::string_view& host);

}  // namespace trimaran::http
