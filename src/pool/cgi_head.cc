#include "pool/cgi_head.h"

#include "base/strings.h"
#include "http/response_head.h"
#include "http/syntax.h"

namespace trimaran::pool {
namespace {

constexpr size_t kContentLengthDigitsMax = 18;  // any such number fits int64_t

// Section 6.3.3: "404 Not Found".
bool read_status(std::string_view value, worker::ResponseHeadView& head) {
  if (value.size() < 3 || (value.size() > 3 && value[3] != ' ')) return false;
  auto status = parse_u64(value.substr(0, 3));
  if (!status || *status < 200 || *status > 599) return false;
  head.status = static_cast<uint16_t>(*status);
  head.reason = value.size() > 4 ? value.substr(4) : std::string_view();
  return true;
}

}  // namespace

http::Refusal parse_cgi_head(std::string_view bytes, worker::ResponseHeadView& head) {
  constexpr int kBadGateway = 502;
  head = {.status = 200, .reason = {}, .content_length = -1, .headers = std::move(head.headers)};
  head.headers.clear();
  bool has_status = false, has_location = false;
  while (!bytes.starts_with("\r\n")) {
    size_t end = bytes.find("\r\n");
    if (end == std::string_view::npos) return {kBadGateway, "a header line is malformed"};
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 2);
    size_t colon = line.find(':');
    if (colon == std::string_view::npos || !http::is_token(line.substr(0, colon))) {
      return {kBadGateway, "a header line is malformed"};
    }
    std::string_view name = line.substr(0, colon), value = http::strip_ows(line.substr(colon + 1));
    if (!http::all_are(value, http::kFieldByte)) return {kBadGateway, "a header value holds a control character"};
    if (iequals(name, "status")) {
      if (!read_status(value, head)) return {kBadGateway, "Status is malformed"};
      has_status = true;
    } else if (iequals(name, "content-length")) {
      auto length = parse_u64(value);
      if (!length || value.size() > kContentLengthDigitsMax || head.content_length >= 0) {
        return {kBadGateway, "Content-Length is malformed"};
      }
      head.content_length = static_cast<int64_t>(*length);
    } else if (!http::is_hop_by_hop(name)) {
      has_location = has_location || iequals(name, "location");
      head.headers.emplace_back(name, value);
    }
  }
  // Section 6.2.3: a Location without a Status is a redirect. The local form of section 6.2.2 (the server runs the
  // other path itself) is gone from the programs of today, which mean a redirect there too.
  if (has_location && !has_status) head.status = 302;
  return {};
}

}  // namespace trimaran::pool
