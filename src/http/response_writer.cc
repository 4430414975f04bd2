#include "http/response_writer.h"

#include <charconv>

#include "base/strings.h"
#include "http/response_head.h"
#include "http/syntax.h"

namespace trimaran::http {
namespace {

void append_number(std::string& out, int64_t number, int base = 10) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

// What the connection decides.
bool is_ours(std::string_view name) { return is_hop_by_hop(name) || iequals(name, "content-length"); }

bool is_valid(const ResponseHead& head, Framing framing) {
  bool good_status = framing == Framing::tunnel ? head.status == 101 : head.status >= 200 && head.status <= 599;
  if (!good_status || !all_are(head.reason, kFieldByte)) return false;
  for (const auto& [name, value] : head.headers) {
    if (!is_token(name) || !all_are(value, kFieldByte)) return false;
  }
  return true;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool write_response_head(const ResponseHead& head, const ResponseFrame& frame, std::string& out) {
  if (!is_valid(head, frame.framing)) return false;
  out.append("HTTP/1.1 ");
  append_number(out, head.status);
  out.append(" ")
      .append(head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason))
      .append("\r\n");
  // RFC 9110 section 7.8: a 101 says which protocol it is; section 15.5.22: a 426 which it should have been.
  const bool tunnel = frame.framing == Framing::tunnel, may_upgrade = tunnel || head.status == 426;
  bool has_date = false, has_server = false, has_upgrade = tunnel;
  for (const auto& [name, value] : head.headers) {
    if (may_upgrade && iequals(name, "upgrade"))
      has_upgrade = true;
    else if (is_ours(name))
      continue;
    if (iequals(name, "date")) has_date = true;
    if (iequals(name, "server")) has_server = true;
    append_field(out, name, strip_ows(value));
  }
  if (!has_date) append_field(out, "Date", frame.date);
  if (!has_server && !frame.server.empty()) append_field(out, "Server", frame.server);
  if (frame.framing == Framing::chunked) {
    append_field(out, "Transfer-Encoding", "chunked");
  } else if (frame.framing == Framing::length && head.content_length >= 0) {
    out.append("Content-Length: ");
    append_number(out, head.content_length);
    out.append("\r\n");
  }
  // RFC 9112 section 9.3: persistence is the default in 1.1 and must be said in 1.0.
  if (has_upgrade)
    append_field(out, "Connection", tunnel || frame.keep_alive ? "Upgrade" : "Upgrade, close");
  else if (!frame.keep_alive)
    append_field(out, "Connection", "close");
  else if (frame.request_version == Version::http10)
    append_field(out, "Connection", "keep-alive");
  out.append("\r\n");
  return true;
}

void write_chunk_start(size_t size, std::string& out) {
  append_number(out, static_cast<int64_t>(size), 16);
  out.append("\r\n");
}

}  // namespace trimaran::http
