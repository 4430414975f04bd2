// Writes the request that we send to an application that speaks HTTP/1.1 (RFC 9112 section 3). The visitor's fields go
// through, those that belong to his connection do not (RFC 9110 section 7.6.1), and what says who he is (X-Forwarded-*)
// is ours alone: we are the edge, so whatever the visitor wrote there is a forgery.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace trimaran::http {

struct RequestToSend {
  std::string_view method = "GET";
  std::string_view path = "/";  // raw
  std::string_view query;       // raw, without '?'
  std::string_view scheme = "http";
  std::string_view client_address;
  std::string_view host;       // used when the headers have no Host (HTTP/1.0)
  int64_t content_length = 0;  // -1: chunked
  bool upgrade = false;        // Connection: upgrade, and the visitor's Upgrade goes through
  std::span<const std::pair<std::string_view, std::string_view>> headers;  // as the front's parser let them through
};

void write_request_head(const RequestToSend& request, std::string& out);

}  // namespace trimaran::http
