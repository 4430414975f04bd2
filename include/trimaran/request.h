// What a visitor asked for. A Request belongs to the thread that runs its handler and lives until the whole response
// has been sent; what its functions return is the caller's own, except string_views, which live as long as the Request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace trimaran {

class Database;
namespace host {
class Exchange;
}

// Thrown by a handler, or by the functions of Request for it: the visitor gets the error page of that status.
class HttpError : public std::runtime_error {
 public:
  explicit HttpError(int status, const std::string& reason = "") : std::runtime_error(reason), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

// The visitor has gone away while the body was being read. There is nobody to answer: let it pass.
class ClientGone : public std::runtime_error {
 public:
  ClientGone() : std::runtime_error("the client is gone") {}
};

class Request {
 public:
  explicit Request(host::Exchange& exchange) : exchange_(exchange) {}  // made by the host only
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  std::string_view method() const;    // "GET"; a GET handler also sees "HEAD"
  std::string_view path() const;      // percent-decoded: "/posts/hello world"
  std::string_view raw_path() const;  // as it was sent: "/posts/hello%20world"
  std::string_view raw_query() const;
  std::string_view scheme() const;  // "http" or "https"
  std::string_view host() const;    // the Host without its port
  std::string_view client_address() const;

  // Each gives nothing when there is none of that name. Of a query or form field or a cookie that comes twice the first
  // counts; a header that comes twice is joined with ", " (RFC 9110 section 5.3). Header names ignore case.
  std::optional<std::string> query(std::string_view name) const;
  std::optional<std::string> header(std::string_view name) const;
  std::optional<std::string> cookie(std::string_view name) const;
  // A field of an application/x-www-form-urlencoded body, which is read whole on the first call. HttpError 415 when the
  // body is something else, 413 when it is longer than App::body_limit.
  std::optional<std::string> form(std::string_view name);

  // The whole body. HttpError 413 when it is longer than App::body_limit; ClientGone.
  const std::string& body();
  // Or piece by piece, of any length: waits for at least one byte; 0 is the end. ClientGone.
  size_t read(std::span<char> out);
  int64_t content_length() const;  // -1: not known before the end

  // This thread's connection to the site's database (database.h).
  Database& db();

 private:
  host::Exchange& exchange_;
};

}  // namespace trimaran
