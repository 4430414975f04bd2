#include "base/time.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "base/strings.h"

namespace trimaran {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::tm utc(int64_t seconds) {
  std::tm tm{};
  auto t = static_cast<time_t>(seconds);
  gmtime_r(&t, &tm);
  return tm;
}

int64_t clock_ns(clockid_t clock) {
  timespec ts{};
  clock_gettime(clock, &ts);
  return ts.tv_sec * 1'000'000'000LL + ts.tv_nsec;
}

std::optional<int> month_number(std::string_view name) {
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (name == kMonths[i]) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::optional<int64_t> from_parts(std::string_view day, std::string_view month, std::string_view year,
                                  std::string_view clock) {
  auto d = parse_u64(day), y = parse_u64(year);
  auto m = month_number(month);
  if (!d || !y || !m || *d < 1 || *d > 31 || *y < 1900 || *y > 9999) return std::nullopt;
  if (clock.size() != 8 || clock[2] != ':' || clock[5] != ':') return std::nullopt;
  auto hh = parse_u64(clock.substr(0, 2)), mm = parse_u64(clock.substr(3, 2)), ss = parse_u64(clock.substr(6, 2));
  if (!hh || !mm || !ss || *hh > 23 || *mm > 59 || *ss > 60) return std::nullopt;
  std::tm tm{};
  tm.tm_year = static_cast<int>(*y) - 1900;
  tm.tm_mon = *m;
  tm.tm_mday = static_cast<int>(*d);
  tm.tm_hour = static_cast<int>(*hh);
  tm.tm_min = static_cast<int>(*mm);
  tm.tm_sec = static_cast<int>(*ss);
  return timegm(&tm);
}

}  // namespace

Millis monotonic_ms() { return clock_ns(CLOCK_MONOTONIC) / 1'000'000; }
int64_t monotonic_us() { return clock_ns(CLOCK_MONOTONIC) / 1'000; }
int64_t wall_seconds() { return clock_ns(CLOCK_REALTIME) / 1'000'000'000; }

std::string http_date(int64_t seconds) {
  std::tm tm = utc(seconds);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<size_t>(tm.tm_wday)], tm.tm_mday,
                     kMonths[static_cast<size_t>(tm.tm_mon)], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

std::optional<int64_t> parse_http_date(std::string_view text) {
  size_t comma = text.find(',');
  if (comma != std::string_view::npos) {
    std::string_view rest = trim(text.substr(comma + 1));
    auto parts = split(rest, ' ');
    if (parts.size() == 5 && parts[4] == "GMT") return from_parts(parts[0], parts[1], parts[2], parts[3]);
    if (parts.size() != 3 || parts[2] != "GMT") return std::nullopt;
    auto date = split(parts[0], '-');  // rfc850-date: "06-Nov-94"
    if (date.size() != 3 || date[2].size() != 2) return std::nullopt;
    auto yy = parse_u64(date[2]);
    if (!yy) return std::nullopt;
    // RFC 9110 section 5.6.7: a year more than 50 years in the future is in the past century.
    int this_year = utc(wall_seconds()).tm_year + 1900;
    int year = this_year / 100 * 100 + static_cast<int>(*yy);
    if (year > this_year + 50) year -= 100;
    return from_parts(date[0], date[1], fmt::format("{}", year), parts[1]);
  }
  // asctime-date: "Sun Nov  6 08:49:37 1994"
  if (text.size() != 24) return std::nullopt;
  return from_parts(trim(text.substr(8, 2)), text.substr(4, 3), text.substr(20, 4), text.substr(11, 8));
}

std::string log_date(int64_t seconds) {
  std::tm tm = utc(seconds);
  return fmt::format("{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000", tm.tm_mday, kMonths[static_cast<size_t>(tm.tm_mon)],
                     tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

std::string iso_date(int64_t seconds) {
  std::tm tm = utc(seconds);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                     tm.tm_min, tm.tm_sec);
}

}  // namespace trimaran
