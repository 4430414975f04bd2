// Host names as the site file gives them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trimaran {

// `name` in lower case without its final dot when it is a host name: letters, digits and hyphens (RFC 1123
// section 2.1), labels of 1..63, at most 253 characters, and no IP address. Otherwise nothing, and `why` says what is
// wrong.
std::optional<std::string> parse_host_name(std::string_view name, std::string& why);

}  // namespace trimaran
