#include "front/static_files.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "front/error_page.h"
#include "front/file_body.h"
#include "front/ranges.h"
#include "front/redirect.h"
#include "front/url_path.h"
#include "os/event_loop.h"

namespace trimaran::front {
namespace {

using http::Method;

http::ResponseHead file_head(const CachedFile& file, int status, int64_t length) {
  http::ResponseHead head;
  head.status = status;
  head.content_length = length;
  head.headers = {{"Content-Type", std::string(file.type)},
                  {"Last-Modified", file.last_modified},
                  {"ETag", file.etag},
                  {"Accept-Ranges", "bytes"}};
  if (!file.cache_control.empty()) head.headers.emplace_back("Cache-Control", file.cache_control);
  return head;
}

}  // namespace

StaticFiles::StaticFiles(FileCache& cache, std::string folder, std::string prefix, int64_t cache_seconds, Handler* next)
    : cache_(cache), prefix_(std::move(prefix)), next_(next) {
  while (prefix_.ends_with('/')) prefix_.pop_back();
  root_.folder = std::move(folder);
  root_.id = cache_.add_root();
  if (cache_seconds >= 0) root_.cache_control = fmt::format("max-age={}", cache_seconds);
}

void StaticFiles::start(Exchange& exchange) {
  Method method = exchange.request().method;
  if (method != Method::get && method != Method::head) {
    if (next_) return next_->start(exchange);
    return refuse_method(exchange);
  }
  // No file can answer it, whatever lies at its path. (Other upgrades, such as curl's h2c, are offers to be ignored.)
  if (next_ && iequals(exchange.upgrade(), "websocket")) return next_->start(exchange);
  UrlPath path;
  // The router has refused what is malformed; an application may still like what no file can be called.
  if (!read_url_path(exchange.request().path, scratch_, path) || path.encoded_slash || path.empty_segment ||
      path.hidden || (php_ && may_be_php_source(path.text))) {
    return pass_on(exchange);
  }
  if (!serve_path(exchange, path.text.substr(prefix_.size()))) pass_on(exchange);
}

// False: there is no such file.
bool StaticFiles::serve_path(Exchange& exchange, std::string_view path) {
  Millis now = exchange.loop().now();
  if (path.ends_with('/')) {
    index_path_.assign(path).append("index.html");
    path = index_path_;
  } else if (path.empty()) {
    path = "/";  // the folder itself, without a slash: redirected below
  }
  FileCache::Found found = cache_.find(root_, path, now);
  if (found.kind == FileCache::Kind::missing) return false;
  if (found.kind == FileCache::Kind::unavailable) {
    exchange.fail(503, "a file could not be opened: no descriptors or memory left, or the disk fails", 1);
    return true;
  }
  if (found.kind == FileCache::Kind::file) {
    serve(exchange, found.file);
    return true;
  }
  // A folder without its final slash: relative links in its page would be wrong (so not served in place).
  const http::RequestHead& request = exchange.request();
  if (request.path.ends_with('/')) return false;  // "index.html" is a folder
  std::string location(request.path);
  location.append("/");
  // Without a page there, the application may have one at this very path.
  if (next_ && !has_page(path == "/" ? "" : path, now)) return false;
  if (!request.query.empty()) location.append("?").append(request.query);
  send_redirect(exchange, 301, std::move(location));
  return true;
}

bool StaticFiles::has_page(std::string_view folder, Millis now) {
  for (std::string_view index : {"/index.html", "/index.php"}) {
    if (index == "/index.php" && !php_) return false;
    if (cache_.find(root_, std::string(folder).append(index), now).kind == FileCache::Kind::file) return true;
  }
  return false;
}

void StaticFiles::serve(Exchange& exchange, const PinnedFile& file) {
  ConditionalFields fields = find_conditional_fields(exchange.request());
  if (fields.any) return serve_conditionally(exchange, file, fields);
  if (file->in_memory() && cache_.freshen_date(*file) && exchange.send_prebuilt(file)) return;
  send_file(exchange, file_head(*file, 200, file->size), file, 0, file->size);
}

// RFC 9110 section 13.2.2: preconditions first, then the range.
void StaticFiles::serve_conditionally(Exchange& exchange, const PinnedFile& file, const ConditionalFields& fields) {
  switch (evaluate_preconditions(fields, file->etag, file->modified_s())) {
    case Precondition::failed:
      return exchange.fail(412, "precondition failed");
    case Precondition::not_modified: {
      http::ResponseHead head = file_head(*file, 304, -1);
      exchange.send_head(std::move(head));
      return exchange.finish();
    }
    case Precondition::proceed:
      break;
  }
  Range range;
  // RFC 9110 section 14.2: Range means something for GET only.
  if (fields.range && exchange.request().method == Method::get &&
      (!fields.if_range || if_range_matches(*fields.if_range, file->etag, file->last_modified))) {
    range = parse_range(*fields.range, file->size);
  }
  if (range.kind == Range::Kind::unsatisfiable) {
    std::string page = error_page(416);
    http::ResponseHead head{
        416,
        {{"Content-Range", fmt::format("bytes */{}", file->size)}, {"Content-Type", "text/html; charset=utf-8"}},
        static_cast<int64_t>(page.size())};
    exchange.send_head(std::move(head));
    exchange.send_body(page);
    return exchange.finish();
  }
  if (range.kind == Range::Kind::whole)
    return send_file(exchange, file_head(*file, 200, file->size), file, 0, file->size);
  http::ResponseHead head = file_head(*file, 206, range.length);
  head.headers.emplace_back("Content-Range",
                            fmt::format("bytes {}-{}/{}", range.first, range.first + range.length - 1, file->size));
  send_file(exchange, std::move(head), file, range.first, range.length);
}

void StaticFiles::pass_on(Exchange& exchange) {
  if (next_) return next_->start(exchange);
  not_found(exchange);
}

void StaticFiles::not_found(Exchange& exchange) {
  FileCache::Found page = cache_.find(root_, "/404.html", exchange.loop().now());
  if (page.kind != FileCache::Kind::file) return exchange.fail(404, "no such file");
  http::ResponseHead head;
  head.status = 404;
  head.content_length = page.file->size;
  head.headers = {{"Content-Type", std::string(page.file->type)}};
  send_file(exchange, std::move(head), page.file, 0, page.file->size);
}

// RFC 9110 section 15.5.6: 405 says what is allowed; OPTIONS asks for just that. Section 15.6.2: 501 is for what nobody
// here knows; an application may know it (PROPFIND, REPORT).
void StaticFiles::refuse_method(Exchange& exchange) {
  if (exchange.request().method == Method::other) return exchange.fail(501, "unknown method");
  bool asked = exchange.request().method == Method::options;
  std::string page = asked ? "" : error_page(405);
  http::ResponseHead head{asked ? 204 : 405, {{"Allow", "GET, HEAD, OPTIONS"}}, static_cast<int64_t>(page.size())};
  if (!asked) head.headers.emplace_back("Content-Type", "text/html; charset=utf-8");
  exchange.send_head(std::move(head));
  exchange.send_body(page);
  exchange.finish();
}

bool may_be_php_source(std::string_view path) {
  std::string name = to_lower(path.substr(path.rfind('/') + 1));
  return name.find(".php") != std::string::npos || name.find(".pht") != std::string::npos ||
         name.find(".phar") != std::string::npos || name.ends_with(".inc");
}

}  // namespace trimaran::front
