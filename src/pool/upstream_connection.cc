#include "pool/upstream_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.h"
#include "base/log.h"
#include "base/strings.h"
#include "os/socket.h"

namespace trimaran::pool {

using Kind = UpstreamCodec::Step::Kind;

UpstreamConnection::UpstreamConnection(EventLoop& loop, UpstreamOwner& owner, const std::string& address,
                                       std::unique_ptr<UpstreamCodec> codec, std::string log_name)
    : loop_(loop), owner_(owner), address_(address), codec_(std::move(codec)), log_name_(std::move(log_name)) {}

UpstreamConnection::~UpstreamConnection() { close(); }

// Deferred, because send_request() never calls back before it has returned.
void UpstreamConnection::connect() { schedule_work(); }

void UpstreamConnection::connect_now() {
  auto socket = begin_connect(address_);
  if (!socket && socket.error().os_errno == EAGAIN) return loop_.arm(*this, loop_.now() + kBacklogRetryMs);
  if (socket) {
    socket_ = std::move(*socket);
    auto added = loop_.add(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
    if (added) return;
    log_error(added.error().message);
    socket_.reset();
  }
  refused();
}

void UpstreamConnection::refused() {
  if (socket_) loop_.remove(socket_.get(), *this);
  socket_.reset();
  state_ = State::closed;
  if (Call* call = owner_.on_refused(*this)) call->on_returned();
}

// False: it is connected no more, or not yet.
bool UpstreamConnection::finish_connect() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    refused();
    return false;
  }
  idle_since_ = loop_.now();
  state_ = call_ ? State::busy : State::idle;
  owner_.on_connected(*this);
  return state_ == State::busy;
}

bool UpstreamConnection::still_open() const {
  char byte;
  return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void UpstreamConnection::start(Call& call, uint16_t slot, const worker::RequestHeadView& head, uint8_t flags) {
  TRIMARAN_ASSERT(!call_ && state_ != State::closed);
  call_ = &call;
  slot_ = slot;
  begun_ = answered_ = false;
  half_close_ = false;
  has_body_ = !(flags & (worker::kEnd | worker::kTunnel));
  read_window_ = worker::kBodyWindow;
  uncredited_ = 0;
  reused_ = state_ == State::idle && carried_;
  codec_->start(head, flags, out_);
  if (state_ == State::connecting) return;
  state_ = State::busy;
  schedule_work();
}

void UpstreamConnection::send_body(std::string_view bytes, bool end) {
  if (!codec_->body(bytes, end, out_)) {
    loop_.defer([this] {
      // RFC 9110 section 15.5.12: a client that can may count it and come again.
      if (call_) fail(411, "a request body of unknown length is too long for this kind of application");
    });
    return;
  }
  uncredited_ += static_cast<uint32_t>(bytes.size());
  half_close_ = end && codec_->tunnel();
  schedule_work();
}

void UpstreamConnection::add_credit(uint32_t bytes) {
  read_window_ += bytes;
  if (readable_) schedule_work();
}

void UpstreamConnection::close() {
  cancel();
  if (socket_) loop_.remove(socket_.get(), *this);
  socket_.reset();
  call_ = nullptr;
  state_ = State::closed;
}

void UpstreamConnection::on_io(uint32_t events) {
  if (state_ == State::closed) return;
  if (state_ == State::connecting) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    writable_ = true;
    if (!finish_connect()) return;
  }
  constexpr uint32_t kSomethingCame = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if (events & EPOLLOUT) writable_ = true;
  if (events & kSomethingCame) readable_ = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) hung_up_ = true;
  if (state_ == State::busy) return work();
  // An idle connection has nothing to say: it was closed, or it answers what nobody asked.
  if (readable_ && !still_open()) {
    close();
    owner_.on_idle_closed(*this);
  }
}

void UpstreamConnection::schedule_work() {
  if (work_scheduled_) return;
  work_scheduled_ = true;
  loop_.defer([this] {
    work_scheduled_ = false;
    work();
  });
}

void UpstreamConnection::work() {
  if (state_ == State::connecting && !socket_ && !armed()) return connect_now();
  if (state_ == State::busy) flush();
  if (state_ == State::busy && readable_) read();
  if (state_ == State::busy) credit_sent_body();
}

void UpstreamConnection::flush() {
  while (writable_ && !write_failed_ && out_sent_ < out_.size()) {
    ssize_t n = ::send(socket_.get(), out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      writable_ = false;
      return;
    }
    if (n < 0) {
      // It reads no more, but may have answered (a 413 before the end of the body): read on.
      write_failed_ = readable_ = true;
      break;
    }
    begun_ = true;
    out_sent_ += static_cast<size_t>(n);
  }
  if (!write_failed_ && out_sent_ < out_.size()) return;
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > worker::kBodyWindow) out_.shrink_to_fit();
  if (std::exchange(half_close_, false)) ::shutdown(socket_.get(), SHUT_WR);
}

// Last in a round of work: the call may send more at once.
void UpstreamConnection::credit_sent_body() {
  if (uncredited_ > 0 && out_.empty() && !write_failed_) call_->on_credit(std::exchange(uncredited_, 0));
}

void UpstreamConnection::read() {
  // One buffer for each thread: a connection keeps bytes only while a head is not whole.
  thread_local const std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  while (state_ == State::busy && read_window_ > 0) {
    size_t room = std::min<size_t>(kReadBytes, read_window_);
    ssize_t n = ::recv(socket_.get(), buffer.get(), room, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      readable_ = false;
      return;
    }
    if (n <= 0) return peer_closed(n < 0);
    answered_ = true;
    std::string_view bytes(buffer.get(), static_cast<size_t>(n));
    std::string joined;
    if (!in_.empty()) {
      in_.append(bytes);
      joined.swap(in_);
      bytes = joined;
    }
    bool drained = static_cast<size_t>(n) < room && !hung_up_;  // the next bytes will be an event
    if (drained) readable_ = false;
    if (!take(bytes) || drained) return;
  }
}

// False: the request has ended.
bool UpstreamConnection::take(std::string_view bytes) {
  for (;;) {
    UpstreamCodec::Step step = codec_->next(bytes);
    bytes.remove_prefix(step.consumed);
    if (step.kind == Kind::head) {
      // What is known to have no body is told in one: the front then needs no chunks.
      step = codec_->next(bytes);
      bytes.remove_prefix(step.consumed);
      if (step.kind == Kind::end) {
        conclude(bytes.empty(), true);
        return false;
      }
      call_->on_response(codec_->head(), false);
      if (state_ != State::busy) return false;  // the call has aborted
    }
    if (step.kind == Kind::need_more) {
      in_.assign(bytes);
      return true;
    }
    if (!take_step(step, bytes)) return false;
  }
}

bool UpstreamConnection::take_step(const UpstreamCodec::Step& step, std::string_view rest) {
  switch (step.kind) {
    case Kind::data:
      read_window_ -= std::min(read_window_, static_cast<uint32_t>(step.bytes.size()));
      call_->on_response_body(step.bytes, false);
      return state_ == State::busy;
    case Kind::log:
      log_warning(log_name_ + ": " + std::string(trim(step.bytes)));
      return true;
    case Kind::end:
      conclude(rest.empty(), false);
      return false;
    default:
      fail(502, "the application's response is malformed: " + std::string(step.bytes));
      return false;
  }
}

// `clean`: no bytes follow that nobody asked for, and that would be read as the next response.
void UpstreamConnection::conclude(bool clean, bool with_head) {
  bool reusable = clean && codec_->reusable() && out_.empty() && !write_failed_ && !hung_up_;
  Call& call = *call_;
  call_ = nullptr;
  carried_ = true;
  idle_since_ = loop_.now();
  if (reusable)
    state_ = State::idle;
  else
    close();
  owner_.on_ended(*this);
  if (with_head) return call.on_response(codec_->head(), true);
  call.on_response_body({}, true);
}

// RFC 9112 section 8: a response that ends with its connection is not whole when that ended with an error. Only a
// program that has not read all of a body resets by closing, and has said everything.
void UpstreamConnection::peer_closed(bool error) {
  bool cut = error && !has_body_ && !codec_->tunnel();
  if (codec_->closed().kind == Kind::end && !cut) return conclude(false, false);
  lose();
}

void UpstreamConnection::fail(int status, const std::string& reason) {
  Call& call = *call_;
  close();
  owner_.on_ended(*this);
  call.on_failed(status, reason);
}

void UpstreamConnection::lose() {
  if (answered_) return tell_lost();
  loop_.remove(socket_.get(), *this);
  socket_.reset();
  state_ = State::lost;
  loop_.arm(*this, loop_.now() + kLostMs);
}

void UpstreamConnection::on_timer() {
  if (state_ == State::lost) return tell_lost();
  connect_now();
}

void UpstreamConnection::tell_lost() {
  Call& call = *call_;
  // Only a connection that had stood idle is given back: a program that accepts and closes at once would otherwise see
  // the same request for ever.
  bool returned = !begun_ && reused_;
  close();
  owner_.on_ended(*this);
  if (returned) return call.on_returned();
  call.on_lost(Begun::yes);
}

}  // namespace trimaran::pool
