// The head of a CGI response (RFC 3875 section 6), which is what a FastCGI application writes first: header fields with
// Status instead of a status line.
#pragma once

#include <string_view>

#include "http/head_scanner.h"
#include "worker/frame.h"

namespace trimaran::pool {

// `bytes`: up to and with the empty line, every line ended by CRLF (as HeadScanner found them, or "\r\n" alone). Views
// in `head` point into it. A refusal says what is wrong.
http::Refusal parse_cgi_head(std::string_view bytes, worker::ResponseHeadView& head);

}  // namespace trimaran::pool
