#include "http/message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"

namespace trimaran::http {
namespace {

constexpr std::array<std::string_view, 10> kMethodNames = {"GET",     "HEAD",  "POST",    "PUT",   "DELETE",
                                                           "OPTIONS", "PATCH", "CONNECT", "TRACE", ""};

// Sorted for the binary search. "Content Too Large" and "Unprocessable Content" are RFC 9110's names.
constexpr auto kReasons = std::to_array<std::pair<int, std::string_view>>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
});
static_assert(std::is_sorted(kReasons.begin(), kReasons.end()));

}  // namespace

std::string_view method_name(Method method) { return kMethodNames[static_cast<size_t>(method)]; }

Method parse_method(std::string_view token) {
  for (size_t i = 0; i + 1 < kMethodNames.size(); ++i) {
    if (token == kMethodNames[i]) return static_cast<Method>(i);
  }
  return Method::other;
}

std::string_view reason_phrase(int status) {
  const auto* found = std::lower_bound(kReasons.begin(), kReasons.end(), status,
                                       [](const auto& reason, int wanted) { return reason.first < wanted; });
  return found != kReasons.end() && found->first == status ? found->second : std::string_view();
}

std::string_view RequestHead::header(std::string_view name) const {
  for (const HeaderView& h : headers) {
    if (iequals(h.name, name)) return h.value;
  }
  return {};
}

bool RequestHead::has(std::string_view name) const {
  for (const HeaderView& h : headers) {
    if (iequals(h.name, name)) return true;
  }
  return false;
}

}  // namespace trimaran::http
