#include "release/release_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/strings.h"

namespace trimaran::release {
namespace {

constexpr std::string_view kForm = "dddddddd-dddddd-xxxx";
constexpr size_t kTimeLength = 15;

std::string time_part(int64_t seconds) {
  std::time_t time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[kTimeLength + 1];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &utc);
  return text;
}

int64_t seconds_of(std::string_view id) {
  std::tm utc{};
  ::strptime(std::string(id.substr(0, kTimeLength)).c_str(), "%Y%m%d-%H%M%S", &utc);
  return ::timegm(&utc);
}

}  // namespace

std::string make_release_id(int64_t wall_seconds, std::string_view newest, uint16_t random) {
  if (is_release_id(newest)) wall_seconds = std::max(wall_seconds, seconds_of(newest) + 1);
  return fmt::format("{}-{:04x}", time_part(wall_seconds), random);
}

bool is_release_id(std::string_view text) {
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    bool fits = kForm[i] == 'd' ? is_digit(text[i]) : kForm[i] == 'x' ? hex_value(text[i]) >= 0 : text[i] == kForm[i];
    if (!fits) return false;
  }
  return true;
}

}  // namespace trimaran::release
