// Time as the rooms use it: monotonic milliseconds for deadlines (they never jump), wall-clock seconds for headers and
// logs. Pure code takes "now" as an argument and never asks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trimaran {

using Millis = int64_t;  // milliseconds on the monotonic clock, or a span of them

Millis monotonic_ms();
int64_t monotonic_us();
// Seconds since 1970, UTC.
int64_t wall_seconds();

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7).
std::string http_date(int64_t seconds);
// All three forms of RFC 9110 section 5.6.7; nothing when it is not a date.
std::optional<int64_t> parse_http_date(std::string_view text);
// "06/Nov/1994:08:49:37 +0000" as the common log format writes it, in UTC.
std::string log_date(int64_t seconds);
// "2026-11-22T10:42:44Z" (RFC 3339), for JSON and logs.
std::string iso_date(int64_t seconds);

}  // namespace trimaran
