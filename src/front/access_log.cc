#include "front/access_log.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace trimaran::front {
namespace {

// What may stand in a quoted field as it is; the rest is escaped as escape_for_log() does it.
constexpr bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

std::string_view version_name(http::Version version) {
  switch (version) {
    case http::Version::http10:
      return "HTTP/1.0";
    case http::Version::http11:
      return "HTTP/1.1";
    case http::Version::http2:
      return "HTTP/2.0";
  }
  return "";
}

}  // namespace

AccessLog::AccessLog(EventLoop& loop, const Clock& clock) : loop_(loop), clock_(clock) {}

void AccessLog::set_file(Fd file) {
  flush();
  file_ = std::move(file);
  if (file_ && !buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(kBufferBytes + kLineBytesMax);
}

void AccessLog::append_number(uint64_t number) {
  char* at = buffer_.get() + size_;
  size_ = static_cast<size_t>(std::to_chars(at, at + kNumberBytesMax, number).ptr - buffer_.get());
}

void AccessLog::append_escaped(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  text = text.substr(0, kFieldBytesMax);
  if (text.empty()) return append("-");
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    char c = text.front();
    if (c == '"' || c == '\\') {
      append("\\");
      append({&c, 1});
    } else {
      auto byte = static_cast<unsigned char>(c);
      const char escape[] = {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
      append({escape, sizeof escape});
    }
    text.remove_prefix(1);
  }
}

// CLIENT - - [DATE] "METHOD TARGET VERSION" STATUS BYTES "REFERER" "USER-AGENT" SECONDS SITE UPSTREAM
void AccessLog::write(const AccessRecord& record) {
  if (!file_) return;
  if (size_ == 0) loop_.arm(*this, loop_.now() + kFlushMs);
  append(record.client);
  append(" - - [");
  append(clock_.log_date());
  append("] \"");
  append_escaped(record.request.method_token);
  append(" ");
  append_escaped(record.request.target);
  append(" ");
  append(version_name(record.request.version));
  append("\" ");
  append_number(static_cast<uint64_t>(record.status));
  append(" ");
  append_number(record.body_bytes);
  append(" \"");
  append_escaped(record.request.header("referer"));
  append("\" \"");
  append_escaped(record.request.header("user-agent"));
  append("\" ");
  append_number(static_cast<uint64_t>(record.duration / 1000));
  append(".");
  auto ms = static_cast<unsigned>(record.duration % 1000);
  char decimals[3] = {static_cast<char>('0' + ms / 100), static_cast<char>('0' + ms / 10 % 10),
                      static_cast<char>('0' + ms % 10)};
  append({decimals, 3});
  append(" ");
  append_escaped(record.site);
  append(" ");
  append_escaped(record.upstream);
  append("\n");
  if (size_ >= kBufferBytes) flush();
}

void AccessLog::flush() {
  cancel();
  size_t at = 0;
  while (file_ && at < size_) {
    ssize_t n = ::write(file_.get(), buffer_.get() + at, size_ - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // a full disk must not stop the site
    at += static_cast<size_t>(n);
  }
  size_ = 0;
}

}  // namespace trimaran::front
