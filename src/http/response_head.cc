#include "http/response_head.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "http/syntax.h"

namespace trimaran::http {
namespace {

constexpr int kBadGateway = 502;
constexpr size_t kContentLengthDigitsMax = 18;  // any such number fits int64_t

class ResponseParser {
 public:
  ResponseParser(std::string_view bytes, Method method, ParsedResponse& out)
      : rest_(bytes), method_(method), out_(out) {}

  Refusal run() {
    out_.headers.clear();
    out_.content_length = -1;
    if (Refusal r = status_line(next_line())) return r;
    for (;;) {
      std::string_view line = next_line();
      if (line.empty()) break;
      if (Refusal r = header_line(line)) return r;
    }
    if (Refusal r = conclude_framing()) return r;
    conclude_connection();
    drop_hop_by_hop();
    return {};
  }

 private:
  static Refusal refuse(std::string_view reason) { return {kBadGateway, reason}; }

  // HeadScanner has seen that every line ends in CRLF and that the last one is empty.
  std::string_view next_line() {
    size_t end = rest_.find('\n');
    if (end == std::string_view::npos || end == 0) return {};
    std::string_view line = rest_.substr(0, end - 1);
    rest_.remove_prefix(end + 1);
    return line;
  }

  // RFC 9112 section 4. The space after the code is required, but old programs without a phrase leave it out, and there
  // is only one way to read that.
  Refusal status_line(std::string_view line) {
    constexpr std::string_view kStart = "HTTP/1.";
    if (line.size() < 12 || !line.starts_with(kStart) || !is_digit(line[7]) || line[8] != ' ') {
      return refuse("the status line is malformed");
    }
    out_.version = line[7] == '0' ? Version::http10 : Version::http11;
    if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11])) return refuse("the status is no number");
    out_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (out_.status < 100 || out_.status > 599) return refuse("the status is out of range");
    out_.reason = line.substr(std::min<size_t>(13, line.size()));
    if (line.size() > 12 && line[12] != ' ') return refuse("the status line is malformed");
    if (!all_are(out_.reason, kFieldByte)) return refuse("the status line holds a control character");
    return {};
  }

  Refusal header_line(std::string_view line) {
    size_t colon = 0;
    while (colon < line.size() && is(line[colon], kToken)) ++colon;
    if (colon == 0 || colon == line.size() || line[colon] != ':') return refuse("a header line is malformed");
    std::string_view name = line.substr(0, colon);
    std::string_view value = strip_ows(line.substr(colon + 1));
    if (!all_are(value, kFieldByte)) return refuse("a header value holds a control character");
    out_.headers.push_back({name, value});
    if (iequals(name, "connection")) {
      connection(value);
    } else if (iequals(name, "content-length")) {
      return content_length(value);
    } else if (iequals(name, "transfer-encoding")) {
      // Only ever "chunked": another coding would reach the client unnamed.
      if (chunked_ || !iequals(value, "chunked")) return refuse("only the transfer coding chunked is known");
      chunked_ = true;
    }
    return {};
  }

  void connection(std::string_view value) {
    for_each_element(value, [this](std::string_view option) {
      if (iequals(option, "close"))
        wants_close_ = true;
      else if (iequals(option, "keep-alive"))
        wants_keep_alive_ = true;
      else
        named_.push_back(option);
    });
  }

  Refusal content_length(std::string_view value) {
    if (out_.content_length >= 0) return refuse("there is more than one Content-Length");
    auto length = parse_u64(value);
    if (!length || value.size() > kContentLengthDigitsMax) return refuse("Content-Length is not a number");
    out_.content_length = static_cast<int64_t>(*length);
    return {};
  }

  // RFC 9112 section 6.3, in its order.
  Refusal conclude_framing() {
    if (chunked_ && out_.content_length >= 0) return refuse("both Content-Length and Transfer-Encoding");
    if (chunked_ && out_.version == Version::http10) return refuse("Transfer-Encoding in HTTP/1.0");
    bool never_has_body = out_.status < 200 || out_.status == 204;
    // A body that must not be there would be read as the next response.
    spoiled_ = never_has_body && (chunked_ || out_.content_length > 0);
    if (never_has_body) out_.content_length = -1;
    if (never_has_body || out_.status == 304 || method_ == Method::head)
      out_.framing = Framing::none;
    else if (chunked_)
      out_.framing = Framing::chunked;
    else
      out_.framing = out_.content_length >= 0 ? Framing::length : Framing::until_close;
    return {};
  }

  // RFC 9112 section 9.3.
  void conclude_connection() {
    bool persists = out_.version == Version::http10 ? wants_keep_alive_ : true;
    out_.keep_alive = persists && !wants_close_ && !spoiled_ && out_.framing != Framing::until_close;
  }

  void drop_hop_by_hop() {
    std::erase_if(out_.headers, [this](const HeaderView& header) {
      if (out_.status == 101 && iequals(header.name, "upgrade")) return false;
      return is_hop_by_hop(header.name) || iequals(header.name, "content-length") ||
             std::any_of(named_.begin(), named_.end(),
                         [&](std::string_view name) { return iequals(name, header.name); });
    });
  }

  std::string_view rest_;
  const Method method_;
  ParsedResponse& out_;
  std::vector<std::string_view> named_;  // by Connection
  bool chunked_ = false;
  bool wants_close_ = false;
  bool wants_keep_alive_ = false;
  bool spoiled_ = false;
};

}  // namespace

Refusal parse_response_head(std::string_view bytes, Method method, ParsedResponse& out) {
  return ResponseParser(bytes, method, out).run();
}

bool is_hop_by_hop(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "connection", "transfer-encoding", "keep-alive", "upgrade", "te", "trailer", "proxy-connection"};
  return std::any_of(kNames.begin(), kNames.end(), [name](std::string_view known) { return iequals(known, name); });
}

}  // namespace trimaran::http
