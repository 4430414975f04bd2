#include "http/request_head.h"

#include <utility>

#include "base/strings.h"
#include "http/syntax.h"

namespace trimaran::http {
namespace {

constexpr size_t kContentLengthDigitsMax = 18;  // any such number fits int64_t

// One pass over one head; the members are what has been seen so far.
class HeadParser {
 public:
  HeadParser(std::string_view bytes, RequestHead& head) : rest_(bytes), head_(head) {}

  Refusal run() {
    reset();
    if (Refusal r = request_line(next_line())) return r;
    for (;;) {
      std::string_view line = next_line();
      if (line.empty()) break;
      if (Refusal r = header_line(line)) return r;
    }
    if (Refusal r = conclude_host()) return r;
    if (Refusal r = conclude_framing()) return r;
    conclude_connection();
    return {};
  }

 private:
  void reset() {
    head_.method_token = head_.target = head_.path = head_.query = head_.host = {};
    head_.version = Version::http11;
    head_.content_length = 0;
    head_.keep_alive = true;
    head_.expect_continue = false;
    head_.upgrade = {};
    head_.headers.clear();
  }

  // HeadScanner has seen that every line ends in CRLF and that the last one is empty.
  std::string_view next_line() {
    size_t end = rest_.find('\n');
    if (end == std::string_view::npos || end == 0) return {};
    std::string_view line = rest_.substr(0, end - 1);
    rest_.remove_prefix(end + 1);
    return line;
  }

  // RFC 9112 section 3: exactly one space between the parts.
  Refusal request_line(std::string_view line) {
    size_t first = line.find(' ');
    if (first == std::string_view::npos) return {400, "the request line has no target"};
    head_.method_token = line.substr(0, first);
    if (!is_token(head_.method_token)) return {400, "the method is not a token"};
    head_.method = parse_method(head_.method_token);
    size_t last = line.find(' ', first + 1);
    if (last == std::string_view::npos) return {400, "the request line has no version"};
    head_.target = line.substr(first + 1, last - first - 1);
    if (head_.target.empty() || !all_are(head_.target, kTarget)) return {400, "the target is not a URI"};
    if (Refusal r = version(line.substr(last + 1))) return r;
    return target();
  }

  Refusal version(std::string_view text) {
    if (text == "HTTP/1.1") return {};
    if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7])) {
      return {400, "the version is malformed"};
    }
    if (text[5] != '1') return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    // RFC 9110 section 2.5: a higher minor version is served as the highest one we know.
    head_.version = text[7] == '0' ? Version::http10 : Version::http11;
    return {};
  }

  // RFC 9112 section 3.2.
  Refusal target() {
    std::string_view t = head_.target;
    if (head_.method == Method::connect) return {501, "CONNECT is for proxies"};
    if (t == "*") {
      if (head_.method != Method::options) return {400, "only OPTIONS may ask for *"};
      head_.path = t;
      return {};
    }
    if (t.front() != '/') {
      if (Refusal r = absolute_form(t)) return r;
    }
    size_t question = head_.target.find('?');
    head_.path = head_.target.substr(0, question);
    if (question != std::string_view::npos) head_.query = head_.target.substr(question + 1);
    return {};
  }

  Refusal absolute_form(std::string_view t) {
    size_t colon = t.find("://");
    if (colon == std::string_view::npos) return {400, "the target is neither a path nor a URI"};
    if (!iequals(t.substr(0, colon), "http") && !iequals(t.substr(0, colon), "https")) {
      return {400, "the target's scheme is not http"};
    }
    t.remove_prefix(colon + 3);
    size_t end = t.find_first_of("/?");
    authority_ = t.substr(0, end);
    if (!split_host(authority_, head_.host)) return {400, "the target's authority is malformed"};
    if (end == std::string_view::npos)
      head_.target = "/";
    else if (t[end] == '/')
      head_.target = t.substr(end);
    else
      return {400, "the target has a query but no path"};  // its "/" is not in the buffer, and nobody sends it
    return {};
  }

  // RFC 9112 section 5: no space before the colon (5.1), no folding (5.2).
  Refusal header_line(std::string_view line) {
    size_t colon = 0;
    while (colon < line.size() && is(line[colon], kToken)) ++colon;
    if (colon == 0 || colon == line.size() || line[colon] != ':') return {400, "a header line is malformed"};
    std::string_view name = line.substr(0, colon);
    std::string_view value = strip_ows(line.substr(colon + 1));
    if (!all_are(value, kFieldByte)) return {400, "a header value holds a control character"};
    head_.headers.push_back({name, value});
    // Only six names matter here; their lengths tell most others apart.
    switch (name.size()) {
      case 4:
        if (iequals(name, "host")) return host(value);
        break;
      case 6:
        if (iequals(name, "expect")) return expect(value);
        break;
      case 7:
        if (iequals(name, "upgrade")) upgrade(value);
        break;
      case 10:
        if (iequals(name, "connection")) connection(value);
        break;
      case 14:
        if (iequals(name, "content-length")) return content_length(value);
        break;
      case 17:
        if (iequals(name, "transfer-encoding")) return transfer_encoding(value);
        break;
      default:
        break;
    }
    return {};
  }

  Refusal host(std::string_view value) {
    if (has_host_) return {400, "there is more than one Host"};
    has_host_ = true;
    host_ = value;
    return {};
  }

  Refusal expect(std::string_view value) {
    if (!iequals(value, "100-continue")) return {417, "only Expect: 100-continue is known"};
    expect_continue_ = true;
    return {};
  }

  void connection(std::string_view value) {
    for_each_element(value, [this](std::string_view option) {
      if (iequals(option, "close"))
        wants_close_ = true;
      else if (iequals(option, "keep-alive"))
        wants_keep_alive_ = true;
      else if (iequals(option, "upgrade"))
        wants_upgrade_ = true;
    });
  }

  // Several lines would be one list, but who looks at the list may see another line of it than who acts on it. RFC 9110
  // section 7.8 lets us ignore it: then nothing switches.
  void upgrade(std::string_view value) { upgrade_ = std::exchange(has_upgrade_, true) ? std::string_view() : value; }

  // RFC 9112 section 6.3 item 5 lets "5, 5" pass; we do not.
  Refusal content_length(std::string_view value) {
    if (has_length_) return {400, "there is more than one Content-Length"};
    has_length_ = true;
    auto length = parse_u64(value);
    if (!length || value.size() > kContentLengthDigitsMax) return {400, "Content-Length is not a number"};
    head_.content_length = static_cast<int64_t>(*length);
    return {};
  }

  Refusal transfer_encoding(std::string_view value) {
    if (chunked_) return {400, "there is more than one Transfer-Encoding"};
    chunked_ = true;
    if (iequals(value, "chunked")) return {};
    // RFC 9112 section 6.1 (unknown coding: 501; chunked at most once) and 6.3 item 4 (chunked is not the
    // last: 400).
    std::string_view last;
    int chunked = 0;
    for_each_element(value, [&](std::string_view coding) {
      last = coding;
      chunked += iequals(coding, "chunked");
    });
    if (chunked > 1) return {400, "a body cannot be chunked twice"};
    if (iequals(last, "chunked")) return {501, "only the transfer coding chunked is known"};
    return {400, "the body's length cannot be known from its Transfer-Encoding"};
  }

  // RFC 9112 section 3.2: exactly one valid Host in HTTP/1.1; an absolute-form must say the same.
  Refusal conclude_host() {
    if (!has_host_) {
      if (head_.version != Version::http10) return {400, "Host is missing"};
      return {};
    }
    std::string_view host;
    if (!split_host(host_, host)) return {400, "Host is malformed"};
    if (authority_.empty())
      head_.host = host;
    else if (!iequals(authority_, host_))
      return {400, "Host and target name different hosts"};
    return {};
  }

  // RFC 9112 section 6.1: both fields together, or a transfer coding in HTTP/1.0, "ought to be handled as an error".
  Refusal conclude_framing() {
    if (!chunked_) return {};
    if (has_length_) return {400, "both Content-Length and Transfer-Encoding"};
    if (head_.version == Version::http10) return {400, "Transfer-Encoding in HTTP/1.0"};
    head_.content_length = -1;
    return {};
  }

  // RFC 9112 section 9.3, RFC 9110 section 10.1.1 (an HTTP/1.0 client does not wait for 100).
  void conclude_connection() {
    bool http10 = head_.version == Version::http10;
    head_.keep_alive = !wants_close_ && (!http10 || wants_keep_alive_);
    head_.expect_continue = expect_continue_ && !http10 && head_.content_length != 0;
    // RFC 9110 section 7.8: ignored in HTTP/1.0, and without the connection option.
    if (wants_upgrade_ && !http10) head_.upgrade = upgrade_;
  }

  std::string_view rest_;
  RequestHead& head_;
  std::string_view authority_;
  std::string_view host_;
  std::string_view upgrade_;
  bool has_host_ = false;
  bool has_length_ = false;
  bool has_upgrade_ = false;
  bool chunked_ = false;
  bool expect_continue_ = false;
  bool wants_close_ = false;
  bool wants_keep_alive_ = false;
  bool wants_upgrade_ = false;
};

}  // namespace

bool split_host(std::string_view text, std::string_view& host) {
  size_t end;
  if (text.starts_with('[')) {
    size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || bracket < 3) return false;
    for (char c : text.substr(1, bracket - 1)) {
      if (hex_value(c) < 0 && c != ':' && c != '.') return false;
    }
    end = bracket + 1;
  } else {
    end = text.find(':');
    if (!all_are(text.substr(0, end), kHost)) return false;
  }
  if (end == 0 || text.empty()) return false;
  host = text.substr(0, end);
  if (host.size() == text.size()) return true;
  std::string_view port = text.substr(host.size());
  if (port.front() != ':' || port.size() > 6) return false;
  for (char c : port.substr(1)) {
    if (!is_digit(c)) return false;
  }
  return true;
}

Refusal parse_request_head(std::string_view bytes, RequestHead& head) { return HeadParser(bytes, head).run(); }

}  // namespace trimaran::http
