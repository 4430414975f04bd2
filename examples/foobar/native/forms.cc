#include "forms.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace foobar {

namespace {

constexpr int64_t kPriceCentsMax = 10'000'000;

// How many code points a text has; nothing when it is not UTF-8 (RFC 3629: no overlong forms, no surrogates).
std::optional<size_t> count_code_points(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++count) {
    auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    unsigned lead = byte(i);
    size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0) return std::nullopt;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return std::nullopt;
    }
    unsigned second = byte(i + 1);
    bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    bool surrogate = lead == 0xed && second > 0x9f;
    bool beyond = lead == 0xf4 && second > 0x8f;
    if (overlong || surrogate || beyond) return std::nullopt;
    i += length;
  }
  return count;
}

// Line ends of every kind become \n; nothing blank at both ends.
std::string normalise(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    out += text[i] == '\r' ? '\n' : text[i];
  }
  constexpr std::string_view kBlank = " \t\n";
  size_t first = out.find_first_not_of(kBlank);
  return first == std::string::npos ? "" : out.substr(first, out.find_last_not_of(kBlank) - first + 1);
}

bool is_price(const std::string& text) {
  auto digits = [](std::string_view part, size_t most) {
    return !part.empty() && part.size() <= most &&
           std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  size_t point = text.find('.');
  if (!digits(std::string_view(text).substr(0, point), 6)) return false;
  if (point != std::string::npos && !digits(std::string_view(text).substr(point + 1), 2)) return false;
  return cents_of(text) <= kPriceCentsMax;
}

// What is wrong with a normalised value, or "".
std::string error_of(const Field& field, const std::string& text, size_t length) {
  if (text.empty()) return field.label + " must not be empty.";
  if (field.rule == Rule::price) {
    return is_price(text) ? "" : field.label + " must be a number like 12.50, at most 100000.00.";
  }
  if (length > field.length_max) {
    return field.label + " must not be longer than " + std::to_string(field.length_max) + " characters.";
  }
  if (field.rule == Rule::email && text.find('@') == std::string::npos) return field.label + " must contain an @.";
  return "";
}

}  // namespace

int64_t cents_of(const std::string& price) {
  size_t point = price.find('.');
  std::string cents = point == std::string::npos ? "" : price.substr(point + 1);
  cents.resize(2, '0');
  return std::stoll(price.substr(0, point)) * 100 + std::stoll(cents);
}

Entry read_entry(trimaran::Request& request, const std::vector<Field>& fields) {
  Entry entry;
  for (const Field& field : fields) {
    std::string text = request.form(field.name).value_or("");
    if (!count_code_points(text) || text.find('\0') != std::string::npos) {
      entry.values.emplace_back();
      entry.errors.push_back(field.label + " is not valid text.");
      continue;
    }
    text = normalise(text);
    std::string error = error_of(field, text, *count_code_points(text));
    if (!error.empty()) entry.errors.push_back(std::move(error));
    entry.values.push_back(std::move(text));
  }
  return entry;
}

}  // namespace foobar
