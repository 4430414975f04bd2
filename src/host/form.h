// The small texts that a browser fills with the visitor's data: form bodies, query strings, cookies. Pure, and lenient
// as the WHATWG URL standard asks ("application/x-www-form-urlencoded parsing": no input is an error). A field is
// looked up in the text itself, so a body of a million fields costs no memory and needs no limit of its own; rejected:
// a parsed map, which needs one and which a page with three fields does not.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trimaran::host {

// The first field of that name in "a=1&b=x+y%21", decoded; a '%' that starts no escape stays.
std::optional<std::string> find_form_field(std::string_view form, std::string_view name);

// The value of a cookie in a Cookie header (RFC 6265 section 5.4), as it was sent; the first of that name.
std::optional<std::string> find_cookie(std::string_view header, std::string_view name);

// Whether a Content-Type is this media type ("text/html"), whatever its case and its parameters.
bool is_media_type(std::string_view content_type, std::string_view media_type);

}  // namespace trimaran::host
