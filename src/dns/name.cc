#include "dns/name.h"

#include <cstring>

#include "base/strings.h"

namespace trimaran::dns {
namespace {

constexpr size_t kHeaderBytes = 12;  // no name may begin inside the message header

uint8_t byte_at(std::string_view bytes, size_t index) { return static_cast<uint8_t>(bytes[index]); }

// Reads the escape behind text[at] == '\\' and moves `at` to its last character; nothing when it is broken.
std::optional<char> read_escape(std::string_view text, size_t& at) {
  if (at + 1 >= text.size()) return std::nullopt;
  if (!is_digit(text[at + 1])) return text[++at];
  if (at + 3 >= text.size() || !is_digit(text[at + 2]) || !is_digit(text[at + 3])) return std::nullopt;
  int value = (text[at + 1] - '0') * 100 + (text[at + 2] - '0') * 10 + (text[at + 3] - '0');
  if (value > 255) return std::nullopt;
  at += 3;
  return static_cast<char>(value);
}

}  // namespace

std::expected<Name, std::string_view> Name::from_text(std::string_view text, const Name& origin) {
  if (text.empty()) return std::unexpected("a name must not be empty");
  if (text == ".") return Name();
  std::array<char, kMaxNameBytes> wire;
  size_t size = 1;
  size_t length_at = 0;  // where the length byte of the label being read will go
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '.') {
      if (size == length_at + 1) return std::unexpected("a name must not have an empty label");
      wire[length_at] = static_cast<char>(size - length_at - 1);
      length_at = size++;
      if (size > kMaxNameBytes) return std::unexpected("name is longer than 255 bytes");
      continue;
    }
    if (c == '\\') {
      std::optional<char> escaped = read_escape(text, i);
      if (!escaped) return std::unexpected("broken escape; use \\DDD (000-255) or \\X");
      c = *escaped;
    }
    if (size - length_at - 1 == kMaxLabelBytes) return std::unexpected("label is longer than 63 bytes");
    if (size >= kMaxNameBytes - 1) return std::unexpected("name is longer than 255 bytes");
    wire[size++] = c;
  }
  Name name;
  bool absolute = size == length_at + 1;
  if (!absolute) wire[length_at] = static_cast<char>(size - length_at - 1);
  name.wire_.assign(wire.data(), absolute ? length_at : size);
  name.wire_ += absolute ? WireName("\0", 1) : origin.wire();
  if (name.wire_.size() > kMaxNameBytes) return std::unexpected("name is longer than 255 bytes with its origin");
  return name;
}

Name Name::lowered() && {
  for (char& c : wire_) c = ascii_lower(c);
  return std::move(*this);
}

std::string Name::to_text() const { return name_to_text(wire_); }

std::string name_to_text(WireName name) {
  if (is_root(name)) return ".";
  std::string text;
  for (; !is_root(name); name = parent_of(name)) {
    for (char c : name.substr(1, byte_at(name, 0))) {
      uint8_t value = static_cast<uint8_t>(c);
      if (value <= ' ' || value > '~') {
        text += {'\\', static_cast<char>('0' + value / 100), static_cast<char>('0' + value / 10 % 10),
                 static_cast<char>('0' + value % 10)};
        continue;
      }
      if (std::string_view(".\\\"();@$").find(c) != std::string_view::npos) text += '\\';
      text += c;
    }
    text += '.';
  }
  return text;
}

bool same_name(WireName a, WireName b) { return iequals(a, b); }

bool is_at_or_below(WireName name, WireName ancestor) {
  while (name.size() > ancestor.size()) name = parent_of(name);
  return same_name(name, ancestor);
}

size_t label_starts(WireName name, std::array<uint8_t, kMaxLabels>& starts) {
  size_t count = 0;
  for (size_t at = 0; byte_at(name, at) != 0; at += 1 + byte_at(name, at)) starts[count++] = static_cast<uint8_t>(at);
  return count;
}

std::optional<NameInMessage> read_name(std::string_view message, size_t offset, char* out) {
  NameInMessage result;
  size_t at = offset;
  size_t run_start = offset;  // a pointer must lead before the labels it follows, so every hop goes backwards
  for (size_t hops = 0;;) {
    if (at >= message.size()) return std::nullopt;
    uint8_t length = byte_at(message, at);
    if (length >= 0xC0) {  // RFC 1035 section 4.1.4
      if (at + 1 >= message.size() || ++hops > kMaxPointerHops) return std::nullopt;
      size_t target = static_cast<size_t>(length & 0x3F) << 8 | byte_at(message, at + 1);
      if (target < kHeaderBytes || target >= run_start) return std::nullopt;
      if (result.end == 0) result.end = at + 2;
      at = run_start = target;
      continue;
    }
    if (length > kMaxLabelBytes) return std::nullopt;  // 01 and 10 are not label types (RFC 6891 section 5)
    if (at + 1 + length > message.size() || result.size + 1 + length > kMaxNameBytes) return std::nullopt;
    std::memcpy(out + result.size, message.data() + at, 1u + length);
    result.size += 1u + length;
    at += 1u + length;
    if (length == 0) break;
  }
  if (result.end == 0) result.end = at;
  return result;
}

void lower_bytes(std::string_view from, char* out) {
  for (char c : from) *out++ = ascii_lower(c);
}

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio (Fibonacci hashing)
  uint64_t hash = seed ^ bytes.size();
  auto mix = [&](uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  };
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    mix(word);
  }
  uint64_t tail = 0;
  std::memcpy(&tail, at, left);
  mix(tail);
  return hash;
}

}  // namespace trimaran::dns
