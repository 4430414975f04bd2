// What a visitor gets. A plain value: make one with a helper, change it, return it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trimaran {

// Where a streamed body goes.
class Writer {
 public:
  // Waits while the client is slower than the application. False: the client is gone; stop producing.
  virtual bool write(std::string_view bytes) = 0;

 protected:
  ~Writer() = default;
};

class Response {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  using Stream = std::function<void(Writer&)>;

  explicit Response(int status = 200, std::string body = {}, std::string_view content_type = {});

  static Response text(std::string body, int status = 200);
  static Response html(std::string body, int status = 200);
  static Response json(std::string body, int status = 200);
  // 303: the browser fetches `location` with GET; the right answer to a form that was stored.
  static Response see_other(std::string_view location);
  static Response redirect(std::string_view location, int status = 302);
  static Response not_found();  // the application's 404 page
  // The body comes from `stream`, which runs after the head was sent, in the same thread; not called for HEAD. When it
  // throws, the connection is cut, so that no client takes half a body for a whole one.
  static Response stream(Stream stream, std::string_view content_type = "text/html; charset=utf-8");

  // The file at `path` (absolute, regular): opened here with the application's rights, sent by the front, so that this
  // thread is free at once. What cannot be opened is a 500. The same as the header X-Sendfile.
  static Response file(std::string_view path, std::string_view content_type = "application/octet-stream");

  // Sets a header, in place of one of the same name; std::invalid_argument when name or value cannot be in a header (a
  // line break would let a visitor write headers of their own).
  Response& header(std::string_view name, std::string_view value) &;
  Response&& header(std::string_view name, std::string_view value) && { return std::move(header(name, value)); }
  // Adds one beside those of the same name.
  Response& add_header(std::string_view name, std::string_view value) &;
  // Path=/; HttpOnly; SameSite=Lax, and Secure when asked. `max_age` in seconds; 0 forgets it; -1 ends with the
  // session.
  Response& set_cookie(std::string_view name, std::string_view value, long max_age = -1, bool secure = false) &;

  Response& status(int status);
  int status() const { return status_; }
  const Headers& headers() const { return headers_; }
  const std::string& body() const { return body_; }
  const Stream& stream() const { return stream_; }
  bool wants_error_page() const { return error_page_; }

 private:
  int status_;
  bool error_page_ = false;
  Headers headers_;
  std::string body_;
  Stream stream_;
};

// "&", "<", ">", double and single quotes as entities. Every text that came from a visitor goes through it.
std::string escape_html(std::string_view text);

}  // namespace trimaran
