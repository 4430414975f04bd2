#include "front/ranges.h"

#include <algorithm>

#include "base/strings.h"

namespace trimaran::front {

namespace {

// A position beyond every file is a position: RFC 9110 section 14.1.2 puts no bound on its digits.
std::optional<uint64_t> parse_position(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return {};
  return parse_u64(text).value_or(UINT64_MAX);
}

}  // namespace

Range parse_range(std::string_view value, int64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (value.size() <= kUnit.size() || !iequals(value.substr(0, kUnit.size()), kUnit)) return {};
  std::string_view spec = trim(value.substr(kUnit.size()));
  size_t dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return {};
  auto first = parse_position(spec.substr(0, dash)), last = parse_position(spec.substr(dash + 1));
  auto total = static_cast<uint64_t>(size);
  if (dash == 0) {  // suffix-range: the last N bytes
    if (!last) return {};
    if (*last == 0 || size == 0) return {Range::Kind::unsatisfiable};
    uint64_t length = std::min(*last, total);
    return {Range::Kind::part, static_cast<int64_t>(total - length), static_cast<int64_t>(length)};
  }
  if (!first || (!last && dash + 1 != spec.size())) return {};
  if (last && *last < *first) return {};
  if (*first >= total) return {Range::Kind::unsatisfiable};
  uint64_t end = last ? std::min(*last, total - 1) : total - 1;
  return {Range::Kind::part, static_cast<int64_t>(*first), static_cast<int64_t>(end - *first + 1)};
}

}  // namespace trimaran::front
