#include "front/http_exchange.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "base/log.h"
#include "base/strings.h"
#include "front/connection.h"
#include "front/error_page.h"
#include "front/url_path.h"

namespace trimaran::front {

using http::Framing;
using http::Method;
using http::Version;

namespace {

constexpr std::string_view kServer = "trimaran";
constexpr size_t kCopyMax = 8 * 1024;  // below, a copy is cheaper than a second vector
constexpr std::string_view kMethods = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

}  // namespace

void HttpExchange::begin(Connection& connection) {
  connection_ = &connection;
  snapshot_ = context_.acquire_snapshot();
  site_ = nullptr;
  framing_ = Framing::none;
  started_ = context_.loop.now();
  status_ = 0;
  promised_left_ = 0;
  body_sent_ = discarded_ = 0;
  upstream_.clear();
  replaced_headers_.clear();
  parsed_ = body_resumed_ = body_began_ = body_ended_ = head_sent_ = wants_room_ = finished_ = cut_ = false;
  body_allowed_ = keep_alive_ = true;
}

// ----------------------------------------------------------------------------------------------------------------
// request

void HttpExchange::dispatch() {
  parsed_ = true;
  ++context_.counters.requests;
  uint64_t body_max = snapshot_->limits().body_bytes;
  decoder_.start(head_.content_length, body_max);
  if (head_.content_length > 0 && static_cast<uint64_t>(head_.content_length) > body_max) {
    ++context_.counters.limit_body;
    return refuse_body(413, "the request body is too large");
  }
  if (Handler* handler = route()) handler->start(*this);
}

// nullptr: answered.
Handler* HttpExchange::route() {
  if (head_.method == Method::trace || head_.path == "*") {
    // RFC 9110 section 9.3.8: TRACE would show a client's secrets to its scripts. Section 9.3.7: OPTIONS * is a ping.
    bool trace = head_.method == Method::trace;
    send_head({trace ? 405 : 204, {{"Allow", std::string(kMethods)}}, 0});
    return finish(), nullptr;
  }
  site_ = snapshot_->find_site(head_.host);
  if (!site_) return fail(421, "no such site"), nullptr;
  UrlPath path;
  if (!read_url_path(head_.path, scratch_, path)) return fail(400, "the path is malformed"), nullptr;
  Handler* handler = site_->router.find(path.text);
  if (!handler) fail(404, "no route");
  return handler;
}

void HttpExchange::refuse(const http::Refusal& refusal) {
  keep_alive_ = false;
  decoder_.start(0, 0);
  if (refusal.status == 414 || refusal.status == 431) ++context_.counters.limit_head;
  fail(refusal.status, refusal.reason);
}

std::string_view HttpExchange::client_address() const { return connection_->client_address(); }
uint16_t HttpExchange::client_port() const { return connection_->client_port(); }
uint16_t HttpExchange::server_port() const { return connection_->server_port(); }

// RFC 9110 section 7.8 allows it for any request; one with a body would have to be read whole before the switch, and
// nobody sends it.
std::string_view HttpExchange::upgrade() const {
  return head_.method == Method::get && head_.content_length == 0 ? head_.upgrade : std::string_view();
}

void HttpExchange::resume_body() {
  if (finished_) return;
  body_resumed_ = true;
  if (tunnel()) {
    if (!connection_->busy()) connection_->wake();
    return;
  }
  if (decoder_.done()) {
    if (body_ended_) return;
    body_ended_ = true;
    if (responder_) responder_->on_body_end();
    return;
  }
  // RFC 9110 section 10.1.1: no 100 once the body is coming or the answer has begun.
  if (head_.expect_continue && !body_began_ && !head_sent_) connection_->queue().text().append(http::kContinue);
  body_began_ = true;
  connection_->wake();
}

size_t HttpExchange::feed(std::string_view bytes) {
  if (tunnel()) {
    if (responder_) responder_->on_body_data(bytes);
    return bytes.size();
  }
  body_began_ = true;
  std::string gathered;
  http::BodyDecoder::Step step = finished_ ? decoder_.next(bytes) : decode(bytes, gathered);
  if (finished_) {
    discarded_ += step.consumed;
    if (discarded_ > kDiscardBytesMax || step.outcome == http::BodyDecoder::Outcome::malformed ||
        step.outcome == http::BodyDecoder::Outcome::too_large) {
      keep_alive_ = false;
    }
    return step.consumed;
  }
  if (!step.data.empty() && responder_) responder_->on_body_data(step.data);
  switch (step.outcome) {
    case http::BodyDecoder::Outcome::need_more:
      break;
    case http::BodyDecoder::Outcome::malformed:
      refuse_body(400, "the request body is malformed");
      break;
    case http::BodyDecoder::Outcome::too_large:
      ++context_.counters.limit_body;
      refuse_body(413, "the request body is too large");
      break;
    case http::BodyDecoder::Outcome::done:
      // A pause inside on_body_data holds the end back as well; resume_body() brings it.
      if (!finished_ && body_resumed_ && !body_ended_) {
        body_ended_ = true;
        if (responder_) responder_->on_body_end();
      }
      break;
  }
  return step.consumed;
}

// The next piece of the body. Small chunks are put together, in `gathered`: each piece costs a frame or a chunk of its
// own on its way to the application, and one byte in each is what a client would send who wants us to hold ten times as
// much.
http::BodyDecoder::Step HttpExchange::decode(std::string_view bytes, std::string& gathered) {
  http::BodyDecoder::Step step = decoder_.next(bytes);
  size_t consumed = step.consumed;
  auto more = [&] { return step.outcome == http::BodyDecoder::Outcome::need_more && consumed < bytes.size(); };
  if (!more()) return step;
  while (more()) {
    gathered += step.data;
    step = decoder_.next(bytes.substr(consumed));
    consumed += step.consumed;
  }
  gathered += step.data;
  return {consumed, gathered, step.outcome};
}

void HttpExchange::on_client_end() {
  body_ended_ = true;
  if (responder_) responder_->on_body_end();
}

void HttpExchange::body_timed_out() { refuse_body(408, "the request body came too slowly"); }

// Where it ends, and the next request begins, will not be known.
void HttpExchange::refuse_body(int status, std::string_view reason) {
  keep_alive_ = false;
  fail(status, reason);
}

void HttpExchange::on_room() {
  wants_room_ = false;
  if (responder_) responder_->on_writable();
}

// ---------------------------------------------------------------------------------------------------------------
// response

// RFC 9112 section 6.3.
Framing HttpExchange::choose_framing(const http::ResponseHead& head) const {
  if (head.status == 101 && !upgrade().empty()) return Framing::tunnel;
  if (head.status == 204 || head.status == 304) return Framing::none;
  if (head.content_length >= 0) return Framing::length;
  if (head_.method == Method::head) return Framing::none;
  return head_.version == Version::http10 ? Framing::until_close : Framing::chunked;
}

// RFC 9110 section 7.8: a 101 must name the protocol.
void HttpExchange::add_upgrade(http::ResponseHead& head) const {
  for (const auto& [name, value] : head.headers) {
    if (iequals(name, "upgrade")) return;
  }
  head.headers.emplace_back("Upgrade", head_.upgrade);
}

// A tunnel may last for days: its head, which the log needs at the end, stays in no more bytes than it has.
void HttpExchange::compact_head() {
  if (!head_buffer_) return;
  const char* from = head_buffer_->memory.get();
  auto exact = std::make_unique<InputBuffer>(head_buffer_->end);
  std::copy_n(from, head_buffer_->end, exact->memory.get());
  auto move = [&](std::string_view& view) {
    // The "/" of a URL without a path is not in the buffer.
    bool inside = view.data() >= from && view.data() < from + head_buffer_->end;
    if (inside) view = {exact->memory.get() + (view.data() - from), view.size()};
  };
  for (std::string_view* view :
       {&head_.method_token, &head_.target, &head_.path, &head_.query, &head_.host, &head_.upgrade}) {
    move(*view);
  }
  for (http::HeaderView& header : head_.headers) {
    move(header.name);
    move(header.value);
  }
  context_.buffers.give(std::exchange(head_buffer_, std::move(exact)));
}

void HttpExchange::send_head(http::ResponseHead head) {
  if (finished_) return;
  TRIMARAN_ASSERT(!head_sent_);
  if (!replaced_headers_.empty() && head.status < 400) replace_headers(head);
  framing_ = choose_framing(head);
  if (tunnel()) add_upgrade(head);
  body_allowed_ = parsed_ ? head_.method != Method::head && framing_ != Framing::none : framing_ != Framing::none;
  bool unanswered_expectation = head_.expect_continue && !body_began_ && !decoder_.done();
  keep_alive_ = keep_alive_ && parsed_ && head_.keep_alive && framing_ != Framing::until_close && !tunnel() &&
                !unanswered_expectation && connection_->may_go_on();
  http::ResponseFrame frame{head_.version, framing_, keep_alive_, context_.clock.http_date(), kServer};
  if (!http::write_response_head(head, frame, connection_->queue().text())) {
    log_error("the application's response has an invalid status or header; answered with 502");
    framing_ = Framing::none;
    return fail(502, "invalid response header");
  }
  if (tunnel()) {
    connection_->watch_peer();
    compact_head();
  }
  head_sent_ = true;
  status_ = head.status;
  promised_left_ = head.content_length;
  if (!connection_->busy()) connection_->wake();
}

bool HttpExchange::send_body(std::string_view bytes) {
  if (finished_) return false;
  TRIMARAN_ASSERT(head_sent_);
  if (!body_allowed_ || bytes.empty()) return true;
  if (framing_ == Framing::length) {
    // More than was promised would be read as the next response.
    if (static_cast<int64_t>(bytes.size()) > promised_left_)
      bytes = bytes.substr(0, static_cast<size_t>(promised_left_));
    promised_left_ -= static_cast<int64_t>(bytes.size());
  }
  std::string& text = connection_->queue().text();
  if (framing_ == Framing::chunked) http::write_chunk_start(bytes.size(), text);
  text.append(bytes);
  if (framing_ == Framing::chunked) text.append(http::kChunkEnd);
  body_sent_ += bytes.size();
  if (!connection_->busy()) connection_->wake();
  // Once said, it stays said until on_writable(): a responder that was told "false" waits for that call.
  if (connection_->queue().size() > kSendQueueBytes) wants_room_ = true;
  return !wants_room_;
}

bool HttpExchange::send_file(Fd file, uint64_t offset, uint64_t length) {
  if (finished_ || !body_allowed_) return true;
  struct stat st;
  bool sound = framing_ == Framing::length && static_cast<uint64_t>(promised_left_) == length &&
               ::fstat(file.get(), &st) == 0 && S_ISREG(st.st_mode) &&  // anything else could block this thread
               static_cast<uint64_t>(st.st_size) >= offset && static_cast<uint64_t>(st.st_size) - offset >= length;
  if (!sound) return fail(502, "the application's file is not what its head said"), true;
  if (length == 0) return true;
  auto* whole = new CachedFile;  // of no cache; PinnedFile owns it
  whole->fd = std::move(file);
  if (!connection_->busy()) connection_->wake();
  return send_file_part(PinnedFile(whole), static_cast<int64_t>(offset), static_cast<int64_t>(length));
}

void HttpExchange::answer_with_files(std::string_view target, Headers headers) {
  if (finished_) return;
  TRIMARAN_ASSERT(!head_sent_);
  redirected_to_ = target;
  size_t question = std::min(redirected_to_.find('?'), redirected_to_.size());
  head_.path = std::string_view(redirected_to_).substr(0, question);
  head_.query = std::string_view(redirected_to_).substr(std::min(question + 1, redirected_to_.size()));
  if (head_.method != Method::head) head_.method = Method::get;  // as nginx does
  UrlPath path;
  if (!target.starts_with('/') || !read_url_path(head_.path, scratch_, path))
    return fail(502, "X-Accel-Redirect is not a path");
  Handler* files = site_->files.find(path.text);
  if (!files) return fail(404, "X-Accel-Redirect names no route with files");
  replaced_headers_ = std::move(headers);
  files->start(*this);
}

void HttpExchange::replace_headers(http::ResponseHead& head) {
  std::erase_if(head.headers, [this](const auto& own) {
    return std::any_of(replaced_headers_.begin(), replaced_headers_.end(),
                       [&own](const auto& other) { return iequals(own.first, other.first); });
  });
  std::move(replaced_headers_.begin(), replaced_headers_.end(), std::back_inserter(head.headers));
  replaced_headers_.clear();
}

bool HttpExchange::send_file_part(const PinnedFile& file, int64_t offset, int64_t length) {
  if (!body_allowed_ || finished_) return true;
  TRIMARAN_ASSERT(head_sent_ && framing_ == Framing::length && promised_left_ == length);
  auto at = static_cast<size_t>(offset), size = static_cast<size_t>(length);
  if (file->in_memory() && size <= kCopyMax) return send_body(file->body().substr(at, size));
  promised_left_ = 0;
  body_sent_ += size;
  connection_->queue().set_tail(file, file->head_size + at, size);
  wants_room_ = !file->in_memory();
  return !wants_room_;
}

bool HttpExchange::send_prebuilt(const PinnedFile& file) {
  // The block says HTTP/1.1 and nothing about Connection.
  if (!replaced_headers_.empty()) return false;
  if (head_.version != Version::http11 || !head_.keep_alive || head_.content_length != 0 || !connection_->may_go_on()) {
    return false;
  }
  bool no_body = head_.method == Method::head;
  size_t length = no_body ? file->head_size : file->block.size();
  SendQueue& queue = connection_->queue();
  // A pipelined batch is gathered; a single answer is sent from where it lies.
  if (length <= kCopyMax && (!queue.empty() || connection_->has_input()))
    queue.text().append(file->block, 0, length);
  else
    queue.set_tail(file, 0, length);
  head_sent_ = finished_ = true;
  status_ = 200;
  body_sent_ = length - file->head_size;
  if (!connection_->busy()) connection_->wake();
  return true;
}

void HttpExchange::finish() {
  if (finished_) return;
  if (!head_sent_) return fail(502, "no response");
  if (body_allowed_ && framing_ == Framing::length && promised_left_ > 0) return cut_connection();
  if (body_allowed_ && framing_ == Framing::chunked) connection_->queue().text().append(http::kLastChunk);
  finished_ = true;
  if (!connection_->busy()) connection_->wake();
}

void HttpExchange::fail(int status, std::string_view reason, int retry_after_s) {
  if (finished_) return;
  // 503 is how a full queue speaks, and may speak often; the pool counts those.
  if (status >= 500 && status != 503 && parsed_)
    log_warning(std::string(site()) + ": " + std::to_string(status) + ": " + std::string(reason));
  if (head_sent_) return cut_connection();
  send_error_page(status, retry_after_s);
}

void HttpExchange::send_error_page(int status, int retry_after_s) {
  std::string page = error_page(status);
  http::ResponseHead head{status, {{"Content-Type", "text/html; charset=utf-8"}}, static_cast<int64_t>(page.size())};
  if (retry_after_s > 0) head.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  send_head(std::move(head));
  send_body(page);
  finish();
}

// The client must see that the body is not whole: a counted or chunked one is short by itself, one that ends with the
// connection needs a reset instead of a FIN.
void HttpExchange::cut_connection() {
  cut_ = finished_ = true;
  if (framing_ == Framing::until_close) connection_->reset_when_closed();
  if (!connection_->busy()) connection_->wake();
}

// --------------------------------------------------------------------------------------------------------------------
// end

void HttpExchange::end() {
  responder_.reset();
  log();
  context_.buffers.give(std::move(head_buffer_));
  head_buffer_.reset();
  context_.release_snapshot(snapshot_);
  snapshot_ = nullptr;
  connection_ = nullptr;
}

void HttpExchange::log() {
  // 499, as nginx logs it: the client went away before the response began.
  int status = status_ ? status_ : 499;
  // Of a large file that the client did not wait for.
  uint64_t unsent = finished_ ? 0 : connection_->queue().tail_size();
  ++context_.counters.responses[static_cast<size_t>(status) / 100];
  context_.access_log.write({connection_->client_address(), head_, status, body_sent_ - unsent,
                             context_.loop.now() - started_, site(), upstream_});
}

}  // namespace trimaran::front
