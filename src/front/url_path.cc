#include "front/url_path.h"

#include "base/strings.h"

namespace trimaran::front {
namespace {

bool decode(std::string_view raw, std::string& out, bool& encoded_slash) {
  out.clear();
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out += raw[i];
      continue;
    }
    if (i + 2 >= raw.size()) return false;
    int high = hex_value(raw[i + 1]), low = hex_value(raw[i + 2]);
    if (high < 0 || low < 0) return false;
    int byte = high * 16 + low;
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == '/') {
      encoded_slash = true;
      out += "%2F";
    } else {
      out += static_cast<char>(byte);
    }
    i += 2;
  }
  return true;
}

}  // namespace

bool read_url_path(std::string_view raw, std::string& scratch, UrlPath& out) {
  out = UrlPath{raw};
  if (raw.find('%') != std::string_view::npos) {
    if (!decode(raw, scratch, out.encoded_slash)) return false;
    out.text = scratch;
  }
  std::string_view text = out.text;
  for (size_t slash = text.find('/'); slash != std::string_view::npos; slash = text.find('/', slash + 1)) {
    std::string_view rest = text.substr(slash + 1);
    if (rest.starts_with('/')) out.empty_segment = true;
    if (!rest.starts_with('.')) continue;
    std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment == "." || segment == "..") return false;
    // RFC 8615: /.well-known/ is public by definition; other dot files (.git, .env) never are.
    if (slash != 0 || segment != ".well-known") out.hidden = true;
  }
  return true;
}

}  // namespace trimaran::front
