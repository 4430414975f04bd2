// Writes HTTP/1.1 response heads and chunks (RFC 9112 sections 4 and 7.1). The one place where an application's header
// becomes bytes on the wire, so also the one place that refuses a CR, LF or NUL in it (response splitting).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/message.h"

namespace trimaran::http {

struct ResponseFrame {
  Version request_version = Version::http11;
  Framing framing = Framing::length;
  bool keep_alive = true;   // what we decided
  std::string_view date;    // "Sun, 06 Nov 1994 08:49:37 GMT"
  std::string_view server;  // "" for none
};

// Appends the head to `out`. False, and nothing appended, when the status is not 200..599 (101 for a tunnel), a name is
// not a token or a value holds a control character. Hop-by-hop fields and framing in `head.headers` are left out (ours
// are the truth; a tunnel's Upgrade stays); Date and Server are kept if they are there.
bool write_response_head(const ResponseHead& head, const ResponseFrame& frame, std::string& out);

// What goes before a chunk of `size` > 0 bytes; kChunkEnd goes after it, kLastChunk after the last one.
void write_chunk_start(size_t size, std::string& out);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace trimaran::http
