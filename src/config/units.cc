#include "config/units.h"

#include "base/strings.h"

namespace trimaran {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// Largest first, as the format functions want them.
constexpr Unit kDurations[] = {{"y", 365ull * 86'400'000},
                               {"w", 7ull * 86'400'000},
                               {"d", 86'400'000},
                               {"h", 3'600'000},
                               {"m", 60'000},
                               {"s", 1'000},
                               {"ms", 1}};
constexpr Unit kSizes[] = {{"T", 1ull << 40}, {"G", 1ull << 30}, {"M", 1ull << 20}, {"k", 1ull << 10}, {"", 1}};
constexpr uint64_t kMax = INT64_MAX;

template <size_t N>
std::optional<uint64_t> parse(std::string_view text, const Unit (&units)[N]) {
  size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  std::optional<uint64_t> count = parse_u64(text.substr(0, digits));
  if (!count) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    if (*count > kMax / unit.factor) return std::nullopt;
    return *count * unit.factor;
  }
  return std::nullopt;
}

template <size_t N>
std::string format(uint64_t value, const Unit (&units)[N]) {
  const Unit* best = &units[N - 1];
  for (const Unit& unit : units) {
    if (value < unit.factor || value % unit.factor != 0) continue;
    best = &unit;
    break;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  std::optional<uint64_t> span = parse(text, kDurations);
  if (!span) return std::nullopt;
  return static_cast<Millis>(*span);
}

std::optional<uint64_t> parse_size(std::string_view text) { return parse(text, kSizes); }

std::string format_duration(Millis span) {
  if (span == 0) return "0s";
  return format(static_cast<uint64_t>(span), kDurations);
}

std::string format_size(uint64_t bytes) { return format(bytes, kSizes); }

}  // namespace trimaran
