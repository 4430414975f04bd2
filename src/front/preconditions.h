// Conditional requests (RFC 9110 section 13): whether the client's copy is still good, in exactly the RFC's order.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace trimaran::front {

enum class Precondition { proceed, not_modified, failed };  // 200 or 206, 304, 412

// The header fields of one request that ask about the representation; found in one pass.
struct ConditionalFields {
  std::optional<std::string_view> if_match, if_none_match, if_modified_since, if_unmodified_since, if_range, range;
  bool any = false;
};
ConditionalFields find_conditional_fields(const http::RequestHead& request);

// `etag` strong, with its quotes; `modified_s` seconds since 1970. GET and HEAD only (304 instead of 412).
Precondition evaluate_preconditions(const ConditionalFields& fields, std::string_view etag, int64_t modified_s);

// Whether If-Range lets the Range count (section 13.1.5): strong comparison of the tag, or exactly this date.
bool if_range_matches(std::string_view value, std::string_view etag, std::string_view last_modified);

}  // namespace trimaran::front
