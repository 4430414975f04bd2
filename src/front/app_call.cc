#include "front/app_call.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "base/strings.h"
#include "front/error_page.h"
#include "http/syntax.h"

namespace trimaran::front {
namespace {

// RFC 9110 section 9.2.2 and the design's retry rule: what may run twice.
bool may_run_twice(const http::RequestHead& request) {
  using http::Method;
  return request.method == Method::get || request.method == Method::head || request.method == Method::options ||
         request.has("Idempotency-Key");
}

// The front says these itself, as it does what write_response_head() leaves out: framing and connection.
bool is_ours(std::string_view name) { return iequals(name, "date") || iequals(name, "server"); }

// Our own workers open the file that X-Sendfile names, and the header ends there. From a program that speaks HTTP or
// FastCGI it may be meant for another server: nobody here opens a file for it, and a visitor must not read the path.
bool is_send_file(std::string_view name) { return iequals(name, "x-sendfile"); }

// What X-Accel-Redirect keeps of the application's head, as nginx does.
bool is_kept_header(std::string_view name) {
  static constexpr std::string_view kNames[] = {"content-type", "content-disposition", "set-cookie", "cache-control",
                                                "expires"};
  return std::any_of(std::begin(kNames), std::end(kNames), [name](auto kept) { return iequals(name, kept); });
}

}  // namespace

void AppCall::begin() {
  body_complete_ = exchange_.body_length() == 0;
  if (body_complete_)
    ask_for_target(false);
  else
    exchange_.resume_body();
}

void AppCall::on_body_data(std::string_view bytes) {
  pending_.append(bytes);
  if (channel_) return send_pending_body();
  if (pending_.size() < kBodyHeadBytes) return;
  exchange_.pause_body();
  ask_once();
}

void AppCall::on_body_end() {
  body_complete_ = true;
  if (channel_)
    send_pending_body();
  else
    ask_once();
}

void AppCall::on_writable() {
  client_full_ = false;
  if (channel_) give_credit();
  if (file_sent_) exchange_.finish();
}

void AppCall::on_response(const worker::ResponseHeadView& head, bool end) {
  if (end) channel_ = nullptr;
  if (head.status == 101 && !asks_for_tunnel()) return refuse(502, "the application switches protocols unasked");
  Timer::cancel();
  replay_.clear();
  replay_.shrink_to_fit();
  if (answer_with_files(head)) return;
  http::ResponseHead out;
  out.status = head.status;
  out.reason = std::string(head.reason);
  out.content_length = head.content_length;
  // The answer to a HEAD ends here too, and says nothing about the length of a GET's (RFC 9110 section 8.6).
  if (end && out.content_length < 0 && exchange_.request().method != http::Method::head) out.content_length = 0;
  out.headers.reserve(head.headers.size());
  for (const auto& [name, value] : head.headers) {
    if (is_send_file(name))
      warn_of_send_file();
    else if (!is_ours(name))
      out.headers.emplace_back(name, value);
  }
  bool tunnel = out.status == 101;
  exchange_.send_head(std::move(out));
  if (end) return exchange_.finish();
  if (tunnel && channel_) begin_tunnel();
}

void AppCall::warn_of_send_file() {
  if (!app_.first_send_file()) return;
  log_warning("the application answers " + escape_for_log(exchange_.request().target) +
              " with X-Sendfile, which is dropped: for programs of kind http and php there is X-Accel-Redirect");
}

void AppCall::on_response_body(std::string_view bytes, bool end) {
  if (end) channel_ = nullptr;
  bool room = tunnel_ ? tunnel_->send(exchange_, bytes) : bytes.empty() || exchange_.send_body(bytes);
  if (!room) client_full_ = true;
  if (end) return exchange_.finish();
  owed_credit_ += static_cast<uint32_t>(bytes.size());
  if (!client_full_) give_credit();
}

// From here on both bodies are raw bytes. The client's begin with what came behind the head of its request.
void AppCall::begin_tunnel() {
  tunnel_.emplace(exchange_.upgrade());
  app_.add_tunnel(*this, channel_->target());
  body_complete_ = body_sent_ = false;
  send_pending_body();
}

void AppCall::end_tunnel(Millis delay_ms) {
  if (tunnel_ends_at_ > 0) return;
  Millis now = exchange_.loop().now();
  tunnel_ends_at_ = now + Tunnel::kEndMs;
  if (delay_ms == 0) return end_tunnel_now();
  exchange_.loop().arm(*this, now + delay_ms);
}

void AppCall::end_tunnel_now() {
  if (tunnel_->end(exchange_)) return exchange_.loop().arm(*this, tunnel_ends_at_);
  let_go();
  exchange_.finish();
}

void AppCall::on_response_file(Fd file, worker::FileView part) {
  channel_ = nullptr;
  if (exchange_.send_file(std::move(file), part.offset, part.length)) return exchange_.finish();
  file_sent_ = true;
}

// X-Accel-Redirect: the site's files answer in the application's place. True: this call may be gone.
bool AppCall::answer_with_files(const worker::ResponseHeadView& head) {
  auto redirect = std::find_if(head.headers.begin(), head.headers.end(),
                               [](const auto& header) { return iequals(header.first, "x-accel-redirect"); });
  if (redirect == head.headers.end()) return false;
  Exchange::Headers kept;
  for (const auto& [name, value] : head.headers) {
    if (is_kept_header(name)) kept.emplace_back(name, value);
  }
  std::string target(redirect->second);
  let_go();
  exchange_.answer_with_files(target, std::move(kept));
  return true;
}

void AppCall::on_credit(uint32_t bytes) {
  window_ += bytes;
  send_pending_body();
}

void AppCall::on_failed(int status, std::string_view reason) {
  channel_ = nullptr;
  refuse(status, reason);
}

void AppCall::on_returned() {
  channel_ = nullptr;
  try_again();
}

void AppCall::on_lost(pool::Begun begun) {
  channel_ = nullptr;
  if (exchange_.head_sent()) return refuse(502, "the worker died in the middle of its response");
  if (begun == pool::Begun::no) return try_again();
  if (++kills_ >= kKillsMax) {
    log_error("refused: " + escape_for_log(exchange_.request().method_token) + " " +
              escape_for_log(exchange_.request().target) + " has killed " + std::to_string(kills_) + " workers");
    return refuse(502, "this request has killed two workers");
  }
  if (!may_run_twice(exchange_.request())) return refuse(502, "the worker died while it ran this request");
  try_again();
}

void AppCall::on_timer() {
  if (tunnel_ && !tunnel_->ending()) {
    end_tunnel_now();
  } else if (tunnel_) {
    let_go();
    exchange_.finish();
  } else if (channel_)
    on_no_answer();
  else
    refuse(503, "no worker was free in time", kRetryAfterS);
}

void AppCall::on_no_answer() {
  // The application waits for the client: that has its own limit, [limits] body_timeout.
  if (!body_complete_ && pending_.empty() && window_ > 0) {
    return exchange_.loop().arm(*this, exchange_.loop().now() + limits_.timeout_ms);
  }
  SiteApp& app = app_;
  pool::TargetId target = channel_->target();
  std::string request(exchange_.request().method_token);
  request.append(" ").append(exchange_.request().target);
  refuse(504, "the application did not answer in time");
  app.report_hung(target, request);
}

// Wants nothing more from the pool or the worker. The exchange may live until the end of the loop's round, and a
// grant that came meanwhile would run a request whose client has its answer.
void AppCall::let_go() {
  Timer::cancel();
  if (tunnel_) app_.remove_tunnel(*this);
  app_.pool().cancel(*this);
  if (channel_) std::exchange(channel_, nullptr)->abort(slot_);
}

void AppCall::refuse(int status, std::string_view reason, int retry_after_s) {
  let_go();
  exchange_.fail(status, reason, retry_after_s);
}

void AppCall::refuse_broken() {
  pool::Trouble trouble;
  if (limits_.shows_reason) trouble = app_.pool().trouble();
  if (trouble.reason.empty()) {
    return refuse(503, "the application is not running; its log says why", kRetryAfterS);
  }
  std::string page = developer_page(503, "The application cannot be started: " + trouble.reason, trouble.log);
  let_go();
  exchange_.send_head({503,
                       {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}},
                       static_cast<int64_t>(page.size())});
  exchange_.send_body(page);
  exchange_.finish();
}

void AppCall::ask_once() {
  if (!asked_) ask_for_target(false);
}

void AppCall::ask_for_target(bool again) {
  asked_ = true;
  auto grant = app_.pool().acquire(app_.thread(), *this, again);
  switch (grant.outcome) {
    case pool::Pool::Outcome::granted:
      return dispatch(grant.target, grant.prefetched);
    case pool::Pool::Outcome::queued:
      return exchange_.loop().arm(*this, exchange_.loop().now() + limits_.queue_wait_ms);
    case pool::Pool::Outcome::full:
      return refuse(503, "too many requests wait for the application", kRetryAfterS);
    case pool::Pool::Outcome::broken:
      return refuse_broken();
  }
}

// The request goes to another worker, if all that the first one got of its body is still here.
void AppCall::try_again() {
  Timer::cancel();
  if (!replayable_) return refuse(502, "the worker died in the middle of the request body");
  pending_ = replay_ + pending_;
  replay_.clear();
  body_sent_ = false;
  ask_for_target(true);
}

void AppCall::dispatch(pool::TargetId target, bool prefetched) {
  channel_ = app_.channel(target);
  if (!channel_) {
    // The worker died between the grant and now; its channel has taken it out of the pool already.
    app_.pool().release(target, -1);
    return ask_for_target(true);
  }
  uint8_t flags = asks_for_tunnel() ? worker::kTunnel : has_body() ? worker::kNoFlags : worker::kEnd;
  int slot = channel_->send_request(*this, head(), flags, prefetched);
  TRIMARAN_ASSERT(slot >= 0);  // the pool gives a target far fewer requests than it has slots
  slot_ = static_cast<uint16_t>(slot);
  exchange_.set_upstream("worker-" + std::to_string(target));
  window_ = worker::kBodyWindow;
  owed_credit_ = 0;
  exchange_.loop().arm(*this, exchange_.loop().now() + limits_.timeout_ms);
  body_sent_ = !has_body();
  send_pending_body();
}

// Through an HTTP/2 in a tunnel, requests would pass by our routes (RFC 9113 section 3.1 has taken "h2c" back).
bool AppCall::asks_for_tunnel() const {
  std::string_view protocols = exchange_.upgrade();
  if (!limits_.tunnels || protocols.empty()) return false;
  bool http2 = false;
  http::for_each_element(protocols, [&http2](std::string_view protocol) { http2 |= iequals(protocol, "h2c"); });
  return !http2;
}

worker::RequestHeadView AppCall::head() const {
  const http::RequestHead& request = exchange_.request();
  worker::RequestHeadView out;
  out.method = request.method_token;
  out.path = request.path;
  out.query = request.query;
  out.protocol = request.version == http::Version::http10 ? "HTTP/1.0" : "HTTP/1.1";
  out.scheme = "http";
  out.client_address = exchange_.client_address();
  out.server_name = request.host.empty() ? exchange_.site() : request.host;
  out.client_port = exchange_.client_port();
  out.server_port = exchange_.server_port();
  out.content_length = request.content_length;
  out.headers.reserve(request.headers.size());
  for (const auto& header : request.headers) out.headers.emplace_back(header.name, header.value);
  return out;
}

// As much of the body as the window allows; the client is read only while everything fits.
void AppCall::send_pending_body() {
  if (!channel_ || body_sent_) return;
  std::string_view part = std::string_view(pending_).substr(0, window_);
  bool all = part.size() == pending_.size();
  if (!part.empty() || (all && body_complete_)) {
    body_sent_ = all && body_complete_;
    channel_->send_body(slot_, part, body_sent_);
    window_ -= static_cast<uint32_t>(part.size());
    keep_for_replay(part);
    pending_.erase(0, part.size());
    // The application's time to begin its answer starts anew.
    if (!exchange_.head_sent()) exchange_.loop().arm(*this, exchange_.loop().now() + limits_.timeout_ms);
  }
  if (body_complete_) return;
  if (pending_.empty() && window_ > 0)
    exchange_.resume_body();
  else
    exchange_.pause_body();
}

void AppCall::keep_for_replay(std::string_view part) {
  if (!replayable_ || exchange_.head_sent()) return;
  if (replay_.size() + part.size() <= worker::kBodyWindow) {
    replay_.append(part);
  } else {
    replayable_ = false;
    replay_.clear();
    replay_.shrink_to_fit();
  }
}

void AppCall::give_credit() {
  if (owed_credit_ < worker::kBodyWindow / 4) return;
  channel_->send_credit(slot_, std::exchange(owed_credit_, 0));
}

}  // namespace trimaran::front
