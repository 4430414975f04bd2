// The character classes of HTTP/1.1 (RFC 9110 section 5.6.2 and 5.5, RFC 9112 section 3.2), as one table: every byte of
// a head is looked at once, so the look must be cheap.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace trimaran::http {

enum CharClass : uint8_t {
  kToken = 1,      // tchar
  kFieldByte = 2,  // SP, HTAB, VCHAR, obs-text: what a field value may hold
  kTarget = 4,     // VCHAR without '#': what a request target may hold (browsers do send '"', '|' and the like)
  kHost = 8,       // reg-name and the inside of an IP literal
};

constexpr std::array<uint8_t, 256> make_char_classes() {
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    uint8_t classes = 0;
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    auto in = [c](std::string_view set) { return c != 0 && set.find(static_cast<char>(c)) != std::string_view::npos; };
    if (alphanumeric || in("!#$%&'*+-.^_`|~")) classes |= kToken;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) classes |= kFieldByte;
    if (c > 0x20 && c < 0x7f && c != '#') classes |= kTarget;
    if (alphanumeric || in("-._~%!$&'()*+,;=")) classes |= kHost;
    table[static_cast<size_t>(c)] = classes;
  }
  return table;
}

inline constexpr std::array<uint8_t, 256> kCharClasses = make_char_classes();

constexpr bool is(char c, CharClass char_class) { return kCharClasses[static_cast<uint8_t>(c)] & char_class; }
constexpr bool all_are(std::string_view s, CharClass char_class) {
  for (char c : s) {
    if (!is(c, char_class)) return false;
  }
  return true;
}
constexpr bool is_token(std::string_view s) { return !s.empty() && all_are(s, kToken); }

// Without spaces and tabs at both ends (OWS).
constexpr std::string_view strip_ows(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// Calls `visit` with each element of a comma-separated list (RFC 9110 section 5.6.1); empty ones are skipped.
template <class Visit>
void for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    size_t comma = list.find(',');
    std::string_view element = strip_ows(list.substr(0, comma));
    if (!element.empty()) visit(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace trimaran::http
