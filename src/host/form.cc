#include "host/form.h"

#include <algorithm>

#include "base/strings.h"

namespace trimaran::host {

namespace {

std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> find_form_field(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    std::string_view field = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), field.size() + 1));
    size_t equals = field.find('=');
    if (field.empty() || decode(field.substr(0, equals)) != name) continue;
    return equals == std::string_view::npos ? "" : decode(field.substr(equals + 1));
  }
  return std::nullopt;
}

std::optional<std::string> find_cookie(std::string_view header, std::string_view name) {
  for (std::string_view pair : split(header, ';')) {
    size_t equals = pair.find('=');
    if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != name) continue;
    return std::string(trim(pair.substr(equals + 1)));
  }
  return std::nullopt;
}

bool is_media_type(std::string_view content_type, std::string_view media_type) {
  return iequals(trim(content_type.substr(0, content_type.find(';'))), media_type);
}

}  // namespace trimaran::host
