#include "config/names.h"

#include <algorithm>

#include "base/strings.h"
#include "os/socket.h"

namespace trimaran {
namespace {

bool is_ldh(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; }

std::string_view fault_of_label(std::string_view label) {
  if (label.empty()) return "it has an empty label";
  if (label.size() > 63) return "a label is longer than 63 characters";
  if (label == "*") return "wildcards are not supported here";
  for (char c : label) {
    if (static_cast<unsigned char>(c) >= 0x80) return "write it in its ASCII form (xn--...)";
    if (!is_ldh(c)) return "only letters, digits, hyphens and dots are allowed";
  }
  if (label.starts_with('-') || label.ends_with('-')) return "a label must not begin or end with a hyphen";
  return "";
}

}  // namespace

std::optional<std::string> parse_host_name(std::string_view name, std::string& why) {
  std::string host = to_lower(name);
  if (host.ends_with('.')) host.pop_back();
  if (host.size() > 253) {
    why = "it is longer than 253 characters";
    return std::nullopt;
  }
  if (parse_ip(host, 0)) {
    why = "it is an IP address";
    return std::nullopt;
  }
  std::vector<std::string_view> labels = split(host, '.');
  for (std::string_view label : labels) {
    std::string_view fault = fault_of_label(label);
    if (fault.empty()) continue;
    why = fault;
    return std::nullopt;
  }
  // No top-level domain is a number, so that "1.2.3" is never taken for a name (RFC 3696 section 2).
  if (std::all_of(labels.back().begin(), labels.back().end(), is_digit)) {
    why = "its last label must not be a number";
    return std::nullopt;
  }
  return host;
}

}  // namespace trimaran
