// trimaran::Request over a request of the worker protocol; what is decoded is decoded when it is asked for.
#include "trimaran/request.h"

#include "base/strings.h"
#include "host/exchange.h"

namespace trimaran {

namespace host {

std::optional<std::string> find_header(const worker::RequestHeadView& head, std::string_view name,
                                       std::string_view separator) {
  std::optional<std::string> found;
  for (const auto& [key, value] : head.headers) {
    if (!iequals(key, name)) continue;
    if (!found) {
      found.emplace(value);
    } else {
      found->append(separator).append(value);
    }
  }
  return found;
}

const std::string& Exchange::path() {
  if (!path_) path_ = percent_decode(head().path).value_or(std::string(head().path));
  return *path_;
}

const std::string& Exchange::form() {
  auto type = find_header(head(), "content-type", ", ");
  if (!type || !is_media_type(*type, "application/x-www-form-urlencoded")) throw HttpError(415, "the body is no form");
  return body();
}

const std::string& Exchange::body() {
  if (body_) return *body_;
  size_t limit = application_.body_limit;
  if (head().content_length > 0 && static_cast<uint64_t>(head().content_length) > limit) {
    throw HttpError(413, "the body is too long");  // without reading any of it
  }
  std::string body;
  char buffer[16 * 1024];
  while (size_t size = read(buffer)) {
    if (body.size() + size > limit) throw HttpError(413, "the body is too long");
    body.append(buffer, size);
  }
  return body_.emplace(std::move(body));
}

size_t Exchange::read(std::span<char> out) {
  if (out.empty()) return 0;
  int64_t size = request_.read_body(out.data(), out.size());
  if (size < 0) throw ClientGone();
  return static_cast<size_t>(size);
}

}  // namespace host

std::string_view Request::method() const { return exchange_.head().method; }
std::string_view Request::path() const { return exchange_.path(); }
std::string_view Request::raw_path() const { return exchange_.head().path; }
std::string_view Request::raw_query() const { return exchange_.head().query; }
std::string_view Request::scheme() const { return exchange_.head().scheme; }
std::string_view Request::host() const { return exchange_.head().server_name; }
std::string_view Request::client_address() const { return exchange_.head().client_address; }

std::optional<std::string> Request::query(std::string_view name) const {
  return host::find_form_field(exchange_.head().query, name);
}

std::optional<std::string> Request::header(std::string_view name) const {
  return host::find_header(exchange_.head(), name, ", ");
}

std::optional<std::string> Request::cookie(std::string_view name) const {
  // HTTP/2 clients may send one line for each cookie (RFC 9113 section 8.2.3).
  auto header = host::find_header(exchange_.head(), "cookie", "; ");
  return header ? host::find_cookie(*header, name) : std::nullopt;
}

std::optional<std::string> Request::form(std::string_view name) {
  return host::find_form_field(exchange_.form(), name);
}

const std::string& Request::body() { return exchange_.body(); }
size_t Request::read(std::span<char> out) { return exchange_.read(out); }
int64_t Request::content_length() const { return exchange_.head().content_length; }
Database& Request::db() { return exchange_.database(); }

}  // namespace trimaran
