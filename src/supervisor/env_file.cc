#include "supervisor/env_file.h"

#include <algorithm>

#include "base/strings.h"

namespace trimaran {
namespace {

bool is_name(std::string_view key) {
  auto good = [](char c) { return c == '_' || is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'); };
  return !key.empty() && !is_digit(key[0]) && std::all_of(key.begin(), key.end(), good);
}

std::string_view unquote(std::string_view value) {
  bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

Result<std::map<std::string, std::string>> parse_env_file(std::string_view text) {
  std::map<std::string, std::string> out;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("export ")) line = trim(line.substr(7));
    size_t equals = line.find('=');
    std::string_view key = trim(line.substr(0, equals));
    if (equals == std::string_view::npos || !is_name(key)) {
      return make_error("line " + std::to_string(number) + " is not KEY=value");
    }
    std::string_view value = unquote(trim(line.substr(equals + 1)));
    if (value.find('\0') != std::string_view::npos) {
      return make_error("line " + std::to_string(number) + " holds a NUL byte");
    }
    out.insert_or_assign(std::string(key), std::string(value));
  }
  return out;
}

}  // namespace trimaran
