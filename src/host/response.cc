// trimaran::Response: the helpers, and the checks that keep a visitor's text from becoming a header.
#include "trimaran/response.h"

#include <stdexcept>

#include "base/strings.h"

namespace trimaran {

namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kText = "text/plain; charset=utf-8";

// RFC 9110 section 5.6.2.
bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  for (char c : name) {
    bool letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
    if (!letter && !is_digit(c) && kMarks.find(c) == std::string_view::npos) return false;
  }
  return !name.empty();
}

void check_header(std::string_view name, std::string_view value) {
  if (!is_token(name)) throw std::invalid_argument("\"" + escape_for_log(name) + "\" is no header name");
  for (char c : value) {
    // RFC 9110 section 5.5: CR, LF and NUL are dangerous, the other control bytes invalid.
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) {
      throw std::invalid_argument("the header " + std::string(name) + " must not contain a control character");
    }
  }
}

void check_cookie(std::string_view name, std::string_view value) {
  // RFC 6265 section 4.1.1: no spaces, quotes, commas, semicolons, backslashes.
  if (!is_token(name) || value.find_first_of(" \",;\\") != std::string_view::npos) {
    throw std::invalid_argument("the cookie " + escape_for_log(name) + " has a character that a cookie must not have");
  }
}

}  // namespace

Response::Response(int status, std::string body, std::string_view content_type) : status_(200), body_(std::move(body)) {
  this->status(status);
  if (!content_type.empty()) header("Content-Type", content_type);
}

Response Response::text(std::string body, int status) { return Response(status, std::move(body), kText); }
Response Response::html(std::string body, int status) { return Response(status, std::move(body), kHtml); }
Response Response::json(std::string body, int status) { return Response(status, std::move(body), "application/json"); }

Response Response::see_other(std::string_view location) { return redirect(location, 303); }

Response Response::redirect(std::string_view location, int status) {
  return Response(status).header("Location", location);
}

Response Response::not_found() {
  Response response(404);
  response.error_page_ = true;
  return response;
}

Response Response::stream(Stream stream, std::string_view content_type) {
  Response response(200, {}, content_type);
  response.stream_ = std::move(stream);
  return response;
}

Response Response::file(std::string_view path, std::string_view content_type) {
  return Response(200, {}, content_type).header("X-Sendfile", path);
}

Response& Response::status(int status) {
  if (status < 200 || status > 599) throw std::invalid_argument("a response's status is 200 to 599");
  status_ = status;
  return *this;
}

Response& Response::header(std::string_view name, std::string_view value) & {
  std::erase_if(headers_, [&](const auto& header) { return iequals(header.first, name); });
  return add_header(name, value);
}

Response& Response::add_header(std::string_view name, std::string_view value) & {
  check_header(name, value);
  headers_.emplace_back(name, value);
  return *this;
}

Response& Response::set_cookie(std::string_view name, std::string_view value, long max_age, bool secure) & {
  check_cookie(name, value);
  std::string cookie = std::string(name) + "=" + std::string(value) + "; Path=/; HttpOnly; SameSite=Lax";
  if (max_age >= 0) cookie += "; Max-Age=" + std::to_string(max_age);
  if (secure) cookie += "; Secure";
  return add_header("Set-Cookie", cookie);
}

}  // namespace trimaran
