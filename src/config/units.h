// Durations and sizes as people write them in the site file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace trimaran {

// "500ms", "2s", "5m", "1h", "7d", "2w", "1y" (365 days) in milliseconds; nothing for anything else.
std::optional<Millis> parse_duration(std::string_view text);
// "64k", "16M", "1G" (powers of 1024) or "512" in bytes; nothing for anything else.
std::optional<uint64_t> parse_size(std::string_view text);

// The shortest of these spellings: "90s", "64k".
std::string format_duration(Millis span);
std::string format_size(uint64_t bytes);

}  // namespace trimaran
