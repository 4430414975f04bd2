#include "http/request_writer.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/strings.h"
#include "http/response_head.h"
#include "http/syntax.h"

namespace trimaran::http {
namespace {

// Ours to say: what belongs to the connection, framing and Host; who the visitor is; 100-continue, which the front has
// answered already; and "Proxy", which CGI-like programs take for their own setting (CVE-2016-5385).
// An underscore counts as a hyphen: programs that make variables of names (CGI, WSGI, Rack) cannot tell them apart, and
// a visitor must not speak in our place, nor about a framing that is ours.
bool is_ours(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kOurs = {
      "content-length",   "host",      "expect", "x-forwarded-for", "x-forwarded-proto",
      "x-forwarded-host", "forwarded", "proxy",  "x-real-ip"};
  std::string hyphened;
  if (name.find('_') != std::string_view::npos) {
    hyphened = name;
    std::replace(hyphened.begin(), hyphened.end(), '_', '-');
    name = hyphened;
  }
  return is_hop_by_hop(name) ||
         std::any_of(kOurs.begin(), kOurs.end(), [name](std::string_view ours) { return iequals(ours, name); });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

struct Named {
  std::string_view host;
  bool has_host = false;
  bool has_length = false;
  std::string_view upgrade;
  std::vector<std::string_view> connection;  // several lines are one list (RFC 9110 section 5.3)
};

Named find_named(const RequestToSend& request) {
  Named out;
  for (const auto& [name, value] : request.headers) {
    if (iequals(name, "host")) {
      out.host = value;
      out.has_host = true;
    } else if (iequals(name, "upgrade")) {
      out.upgrade = value;
    } else if (iequals(name, "connection")) {
      out.connection.push_back(value);
    } else if (iequals(name, "content-length")) {
      out.has_length = true;
    }
  }
  return out;
}

bool names(const std::vector<std::string_view>& connection, std::string_view field) {
  bool found = false;
  for (std::string_view line : connection) {
    for_each_element(line, [&](std::string_view option) { found = found || iequals(option, field); });
  }
  return found;
}

}  // namespace

void write_request_head(const RequestToSend& request, std::string& out) {
  Named named = find_named(request);
  std::string_view host = named.has_host ? named.host : request.host;
  out.append(request.method).append(" ").append(request.path);
  if (!request.query.empty()) out.append("?").append(request.query);
  out.append(" HTTP/1.1\r\n");
  append_field(out, "Host", host);
  for (const auto& [name, value] : request.headers) {
    if (is_ours(name) || names(named.connection, name)) continue;
    append_field(out, name, value);
  }
  append_field(out, "X-Forwarded-For", request.client_address);
  append_field(out, "X-Forwarded-Proto", request.scheme);
  append_field(out, "X-Forwarded-Host", host);
  if (request.upgrade) {
    append_field(out, "Connection", "Upgrade");
    append_field(out, "Upgrade", named.upgrade);
  } else {
    // The default in HTTP/1.1; said for programs that answer in HTTP/1.0.
    append_field(out, "Connection", "keep-alive");
    if (request.content_length < 0)
      append_field(out, "Transfer-Encoding", "chunked");
    else if (request.content_length > 0 || named.has_length)
      append_field(out, "Content-Length", std::to_string(request.content_length));
  }
  out.append("\r\n");
}

}  // namespace trimaran::http
