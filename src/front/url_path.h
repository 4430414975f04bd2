// The path of a request made safe to compare and to look up: decoded once, with everything refused that two programs
// could read in two ways. Routes and files are found by this path; an application gets the path as it was sent.
#pragma once

#include <string>
#include <string_view>

namespace trimaran::front {

struct UrlPath {
  std::string_view text;       // decoded, but %2F is left as it is: it separates nothing
  bool encoded_slash = false;  // holds %2F
  bool empty_segment = false;  // holds "//"
  bool hidden = false;         // a segment begins with '.', other than /.well-known at the start
};

// False: refuse the request (400): malformed percent-encoding, an encoded control character (NUL among them), or a
// "." or ".." segment, encoded or not (no client that follows RFC 3986 section 5.2.4 sends one). `scratch` holds the
// decoded text when there was something to decode.
bool read_url_path(std::string_view raw, std::string& scratch, UrlPath& out);

}  // namespace trimaran::front
