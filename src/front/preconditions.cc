#include "front/preconditions.h"

#include "base/strings.h"
#include "base/time.h"

namespace trimaran::front {
namespace {

// Whether a list of entity tags (or "*") names `etag`. A comma may stand inside a tag, so this cannot be a plain split.
// Our tag is strong: the weak comparison ignores a W/, the strong one lets no weak tag match.
bool names_tag(std::string_view list, std::string_view etag, bool weak_comparison) {
  if (list == "*") return true;
  for (size_t at = 0; at < list.size();) {
    size_t open = list.find('"', at);
    if (open == std::string_view::npos) return false;
    size_t close = list.find('"', open + 1);
    if (close == std::string_view::npos) return false;
    bool weak = open >= 2 && list.substr(open - 2, 2) == "W/";
    if (list.substr(open, close - open + 1) == etag && (!weak || weak_comparison)) return true;
    at = close + 1;
  }
  return false;
}

}  // namespace

ConditionalFields find_conditional_fields(const http::RequestHead& request) {
  ConditionalFields fields;
  auto take = [&fields](std::optional<std::string_view>& field, std::string_view value) {
    if (!field) field = value;
    fields.any = true;
  };
  for (const http::HeaderView& h : request.headers) {
    if (h.name.size() == 5 && iequals(h.name, "range")) take(fields.range, h.value);
    if (h.name.size() < 8 || ascii_lower(h.name[0]) != 'i' || ascii_lower(h.name[1]) != 'f' || h.name[2] != '-')
      continue;
    if (iequals(h.name, "if-match"))
      take(fields.if_match, h.value);
    else if (iequals(h.name, "if-none-match"))
      take(fields.if_none_match, h.value);
    else if (iequals(h.name, "if-modified-since"))
      take(fields.if_modified_since, h.value);
    else if (iequals(h.name, "if-unmodified-since"))
      take(fields.if_unmodified_since, h.value);
    else if (iequals(h.name, "if-range"))
      take(fields.if_range, h.value);
  }
  return fields;
}

// RFC 9110 section 13.2.2. A date that is none is ignored (13.1.3, 13.1.4).
Precondition evaluate_preconditions(const ConditionalFields& fields, std::string_view etag, int64_t modified_s) {
  if (fields.if_match) {
    if (!names_tag(*fields.if_match, etag, false)) return Precondition::failed;
  } else if (fields.if_unmodified_since) {
    auto date = parse_http_date(*fields.if_unmodified_since);
    if (date && modified_s > *date) return Precondition::failed;
  }
  if (fields.if_none_match) {
    if (names_tag(*fields.if_none_match, etag, true)) return Precondition::not_modified;
  } else if (fields.if_modified_since) {
    auto date = parse_http_date(*fields.if_modified_since);
    if (date && modified_s <= *date) return Precondition::not_modified;
  }
  return Precondition::proceed;
}

bool if_range_matches(std::string_view value, std::string_view etag, std::string_view last_modified) {
  // A date is a weak validator unless it is old enough; ours has the file's own second, so only equality counts.
  return value.starts_with('"') ? value == etag : value == last_modified;
}

}  // namespace trimaran::front
