// The name of a release: when it was made, in UTC, and four hexadecimal digits. 20261122-140501-1a2b. Names sort by
// age.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trimaran::release {

// Later than `newest` ("" for none), also when the clock was put back or two were made in one second.
std::string make_release_id(int64_t wall_seconds, std::string_view newest, uint16_t random);

// Exactly that form, so that a name from outside cannot be a path.
bool is_release_id(std::string_view text);

}  // namespace trimaran::release
