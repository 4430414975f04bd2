// The few string operations that every room needs; ASCII only, as in the protocols we speak.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trimaran {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  char l = ascii_lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// Equal but for the case of ASCII letters.
constexpr bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}
std::string to_lower(std::string_view s);
// Without spaces and tabs (and CR, LF) at both ends.
std::string_view trim(std::string_view s);
// The pieces between separators, empty ones included: split("a,,b", ',') is {"a", "", "b"}.
std::vector<std::string_view> split(std::string_view s, char separator);

// The whole of `s` as an unsigned decimal number: digits only, no sign, no overflow; otherwise nothing.
std::optional<uint64_t> parse_u64(std::string_view s);

// "%2F" and the like decoded; nothing when a % is not followed by two hex digits. A '+' is left alone.
std::optional<std::string> percent_decode(std::string_view s);

// The same the other way: all but the unreserved characters of RFC 3986 section 2.3 and the slash, which stands for
// itself in a path and in a query.
std::string percent_encode(std::string_view s);

// The whole content of a string as one printable log field: control bytes, quotes and backslashes become \xNN, \" and
// backslash pairs, so that no peer can forge a log line.
std::string escape_for_log(std::string_view s);
// "&", "<", ">", double and single quotes as entities.
std::string escape_html(std::string_view s);

}  // namespace trimaran
