#include "strict/websocket_load.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "base/time.h"

namespace trimaran::strict {

namespace {

constexpr int64_t kLookUs = 50'000;
constexpr uint64_t kIdsPerConnection = 1'000'000;
constexpr int kNormalClose = 1000;
// The example of RFC 6455 section 1.3: a server cannot know that this nonce is always the same, and SHA-1 stays out.
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==", kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

}  // namespace

WebSocket::WebSocket(const Options& options, Poller& poller, Results& results, int number)
    : options_(options), poller_(poller), results_(results), id_(static_cast<uint64_t>(number) * kIdsPerConnection) {}

void WebSocket::open(int64_t now_us) {
  due_us_ = now_us;
  waiting_ = true;
  fd_ = Fd(::socket(options_.server.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) return fail(Outcome::local);
  int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd_.get(), options_.server.get(), options_.server.length) != 0 && errno != EINPROGRESS) {
    return fail(errno == ECONNREFUSED ? Outcome::refused : Outcome::connect);
  }
  state_ = State::connecting;
  results_.reconnected();
  poller_.add(fd_.get(), EPOLLIN | EPOLLOUT, *this);
}

void WebSocket::on_events(uint32_t events) {
  if (!fd_) return;
  if (state_ == State::connecting) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return fail(error == ECONNREFUSED ? Outcome::refused : Outcome::connect);
    state_ = State::handshake;
    reader_.start(false);
    std::string request = "GET " + fill_in(options_.path, {.id = id_}) + " HTTP/1.1\r\nHost: " + options_.name +
                          "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: " +
                          std::string(kKey) + "\r\n";
    for (const std::string& line : options_.headers) request += line + "\r\n";
    send(request + "\r\n");
  }
  if (events & EPOLLOUT) flush();
  if (fd_) read();
}

void WebSocket::send(std::string bytes) {
  out_ += bytes;
  flush();
}

void WebSocket::flush() {
  ssize_t n = out_.empty() ? 0 : ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (n > 0) out_.erase(0, static_cast<size_t>(n));
  if (n < 0 && errno != EAGAIN && errno != EINTR) out_.clear();  // broken; reading says how
  poller_.modify(fd_.get(), out_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT, *this);
}

void WebSocket::read() {
  char buffer[16384];
  ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  if (n > 0) return feed({buffer, static_cast<size_t>(n)});
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  lost(n == 0 ? Outcome::closed : Outcome::reset);
}

void WebSocket::feed(std::string_view bytes) {
  if (state_ == State::handshake && !take_handshake(bytes)) return;
  in_ += bytes;
  take_frames();
}

// False: not whole yet, or refused.
bool WebSocket::take_handshake(std::string_view& bytes) {
  ResponseReader::Step step = reader_.next(bytes);
  bytes.remove_prefix(step.consumed);
  if (step.outcome == ResponseReader::Outcome::malformed) {
    fail(Outcome::malformed);
    return false;
  }
  if (reader_.status() != 0 && reader_.status() != 101) {
    fail(Outcome::status);
    return false;
  }
  if (step.outcome != ResponseReader::Outcome::done) return false;
  bool right = reader_.header("sec-websocket-accept") == kAccept && iequals(reader_.header("upgrade"), "websocket");
  if (!right) {
    fail(Outcome::malformed);
    return false;
  }
  state_ = State::open;
  finish(Outcome::ok, "");
  return true;
}

void WebSocket::take_frames() {
  size_t at = 0;
  while (fd_) {
    WebSocketFrame frame;
    size_t consumed = 0;
    FrameOutcome outcome = read_websocket_frame(std::string_view(in_).substr(at), frame, consumed);
    if (outcome == FrameOutcome::need_more) break;
    if (outcome == FrameOutcome::malformed) return fail(Outcome::malformed);
    at += consumed;
    take_frame(frame.opcode, frame.payload);
  }
  in_.erase(0, at);
}

void WebSocket::take_frame(Opcode opcode, std::string_view payload) {
  if (opcode == Opcode::ping) {
    std::string pong;
    append_websocket_frame(pong, Opcode::pong, payload, 0x01020304);
    return send(pong);
  }
  if (opcode == Opcode::pong) return;
  if (opcode == Opcode::close) {
    int code = close_code(payload);
    if (state_ == State::closing) {  // the answer to ours
      results_.websocket_closed(code, false, monotonic_us());
      if (waiting_) finish(code == kNormalClose ? Outcome::ok : Outcome::body, payload);
    } else {
      say_close(code);
      results_.websocket_closed(code, true, monotonic_us());
      if (waiting_) finish(Outcome::closed_reused, "");
    }
    state_ = State::closed;
    return fd_.reset();
  }
  if (!waiting_ || state_ != State::open) {  // nobody asked
    waiting_ = true;
    return fail(Outcome::malformed);
  }
  finish(payload == expected_ ? Outcome::ok : Outcome::body, payload);
}

void WebSocket::say_close(int code) {
  char payload[2] = {static_cast<char>(code >> 8), static_cast<char>(code)};
  std::string out;
  append_websocket_frame(out, Opcode::close, {payload, code == kNoCloseCode ? 0u : 2u}, 0x01020304);
  send(out);
}

// The stream ended without a close frame.
void WebSocket::lost(Outcome outcome) {
  if (state_ == State::open || state_ == State::closing) {
    results_.websocket_closed(kNoCloseFrame, state_ == State::open, monotonic_us());
    outcome = Outcome::closed_reused;
    waiting_ = true;  // such an end is a failure even when no message was under way
  }
  fail(outcome);
}

void WebSocket::fail(Outcome outcome) {
  state_ = State::closed;
  fd_.reset();
  if (waiting_) finish(outcome, "");
}

void WebSocket::finish(Outcome outcome, std::string_view excerpt) {
  int64_t now = monotonic_us();
  results_.add({id_, due_us_, now, outcome, reader_.status(), excerpt.substr(0, Check::kExcerptBytes)});
  waiting_ = false;
  ++id_;
  due_us_ = std::max(due_us_ + static_cast<int64_t>(options_.interval_s * 1e6), now);
}

void WebSocket::look_after(int64_t now_us, bool last) {
  if (!fd_) return;
  if (waiting_) {
    bool late = now_us - due_us_ > static_cast<int64_t>(options_.timeout_s * 1e6);
    if (late) fail(Outcome::timeout);
    return;
  }
  if (last && state_ == State::open) {
    state_ = State::closing;
    waiting_ = true;  // the answer to the close counts
    due_us_ = now_us;
    return say_close(kNormalClose);
  }
  if (state_ != State::open || now_us < due_us_) return;
  Values values{.id = id_};
  std::string message = options_.body.empty() ? "message " + std::to_string(id_) : fill_in(options_.body, values);
  values = {.id = id_, .length = message.size(), .crc32 = crc32(message)};
  expected_ = options_.expect.body ? fill_in(*options_.expect.body, values) : message;
  waiting_ = true;
  std::string frame;
  append_websocket_frame(frame, Opcode::text, message, 0x01020304);
  send(frame);
}

void run_websockets(const Options& options, Poller& poller, Results& results) {
  int64_t now = monotonic_us();
  int64_t end = now + static_cast<int64_t>(options.seconds * 1e6);
  results.begin(now);
  std::vector<std::unique_ptr<WebSocket>> all;
  for (int i = 0; i < options.connections; ++i) {
    all.push_back(std::make_unique<WebSocket>(options, poller, results, i));
    all.back()->open(now);
  }
  auto ended = [](const auto& socket) { return socket->ended(); };
  while (!std::all_of(all.begin(), all.end(), ended)) {
    int64_t wake = now + kLookUs;
    for (auto& socket : all) wake = std::min(wake, socket->due_us());
    poller.wait(wake);
    now = monotonic_us();
    bool last = now >= end || poller.stopped();
    for (auto& socket : all) socket->look_after(now, last);
  }
  results.end(now);
}

}  // namespace trimaran::strict
