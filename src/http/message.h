// HTTP messages as every protocol version and every room sees them (RFC 9110).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trimaran::http {

enum class Method : uint8_t { get, head, post, put, delete_, options, patch, connect, trace, other };
enum class Version : uint8_t { http10, http11, http2 };
// How a body's end is told (RFC 9112 section 6). tunnel: status 101, the connection speaks another protocol now.
enum class Framing : uint8_t { none, length, chunked, until_close, tunnel };

std::string_view method_name(Method method);  // "GET"; "" for other
Method parse_method(std::string_view token);
// RFC 9110 section 15: "Not Found"; "" for unknown codes.
std::string_view reason_phrase(int status);

struct HeaderView {
  std::string_view name;  // as it was sent; compare without case
  std::string_view value;
};

// The head of a request. All views point into the buffer it was parsed from, which its owner keeps.
struct RequestHead {
  Method method = Method::get;
  std::string_view method_token;  // "GET"
  std::string_view target;  // as sent: origin-form "/a%20b?q" (absolute-form is reduced to this), or "*" for OPTIONS
  std::string_view path;    // target before '?', still percent-encoded
  std::string_view query;   // after '?', without it
  std::string_view host;    // Host (or the authority of an absolute-form), without the port; as sent
  Version version = Version::http11;
  int64_t content_length = 0;  // -1: chunked
  bool keep_alive = true;      // what the client asked for
  bool expect_continue = false;
  std::string_view upgrade;  // "websocket": what HTTP/1.1's Upgrade asks for, if Connection names it; "" otherwise
  std::vector<HeaderView> headers;

  // The first header of that name, or "" when there is none. `has` tells an empty one from a missing one.
  std::string_view header(std::string_view name) const;
  bool has(std::string_view name) const;
};

struct ResponseHead {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // without Date, Server, Connection and framing
  int64_t content_length = -1;                               // -1: not known
  std::string reason;                                        // "" for the standard phrase
};

}  // namespace trimaran::http
