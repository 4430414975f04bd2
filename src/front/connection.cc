#include "front/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "front/http_exchange.h"
#include "http/request_head.h"

namespace trimaran::front {

void Connection::open(Context& context, Fd fd, const sockaddr_storage& peer, uint16_t server_port) {
  auto* connection = new Connection(context, std::move(fd), peer, server_port);
  connection->advance();
}

Connection::Connection(Context& context, Fd fd, const sockaddr_storage& peer, uint16_t server_port)
    : context_(context),
      fd_(std::move(fd)),
      queue_(context.buffers),
      client_(client_key(peer)),
      server_port_(server_port) {
  address_[0] = '\0';
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
  bool is_v6 = peer.ss_family == AF_INET6;
  const void* raw = is_v6 ? static_cast<const void*>(&v6.sin6_addr) : &v4.sin_addr;
  ::inet_ntop(peer.ss_family, raw, address_, sizeof address_);
  address_size_ = static_cast<uint8_t>(std::strlen(address_));
  client_port_ = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
  ++context_.counters.accepted;
  ++context_.counters.connections_open;
  since_ = context_.loop.now();
  context_.active.push_back(*this);
}

Connection::~Connection() {
  set_idle(false);
  context_.active.remove(*this);
  if (exchange_) context_.give(std::move(exchange_));
  context_.forget(*this);
  if (registered_) context_.loop.remove(fd_.get(), *this);
  if (reset_) {
    ::linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  context_.buffers.give(std::move(in_));
  queue_.release();
  context_.clients.leave(client_);
  --context_.counters.connections_open;
}

void Connection::on_io(uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP)) dead_ = true;  // reset, or closed in both directions: nobody reads an answer
  if (events & EPOLLIN) readable_ = true;
  if (events & EPOLLRDHUP) readable_ = peer_done_ = true;
  if (events & EPOLLOUT) writable_ = true;
  advance();
}

void Connection::close() {
  dead_ = true;
  if (!busy_) delete this;
}

void Connection::advance() {
  TRIMARAN_ASSERT(!busy_);
  busy_ = true;
  turn_ = 0;
  while (!dead_ && step()) {
  }
  if (!dead_) settle();
  busy_ = false;
  if (dead_) delete this;
}

// One thing that can be done now; false when there is none.
bool Connection::step() {
  if (half_closed_) return linger();
  if (exchange_) return step_exchange();
  if (closing_) return queue_.empty() ? finish_close() : flush();
  // A tail must be gone before the next answer is written behind it; the rest of a batch is gathered.
  if (queue_.has_tail() || queue_.size() > kPipelineQueueBytes) return flush();
  return step_head() || flush();
}

bool Connection::step_exchange() {
  if (exchange_->complete()) {
    end_exchange();
    return true;
  }
  if (exchange_->wants_room() && queue_.size() <= Exchange::kSendQueueBytes / 2) {
    exchange_->on_room();
    return true;
  }
  if (exchange_->body_wanted()) {
    if (has_input()) {
      size_t taken = exchange_->feed(in_->view());
      in_->consume(taken);
      body_rate_.add(taken);
      progress_ = true;
      return true;
    }
    if (readable_ && receive()) return true;
    if (eof_ && exchange_->tunnel()) {
      exchange_->on_client_end();
      return true;
    }
    if (eof_) {
      // The body will never be whole. RFC 9112 section 8: the request is incomplete, and not answered.
      dead_ = true;
      return false;
    }
  } else if (exchange_->ends_with_client() && client_has_ended()) {
    dead_ = true;
    return false;
  }
  return flush();
}

bool Connection::step_head() {
  if (has_input()) {
    if (turn_ >= kRequestsPerTurn) {
      wake();
      return false;
    }
    const LimitsConfig& l = context_.limits();
    http::HeadLimits limits{l.request_line_bytes, l.header_bytes, l.header_count};
    switch (scanner_.scan(in_->view(), limits)) {
      case http::HeadScanner::Outcome::complete:
        begin_request();
        return true;
      case http::HeadScanner::Outcome::refused:
        begin_refused(scanner_.refusal());
        return true;
      case http::HeadScanner::Outcome::need_more:
        break;
    }
  }
  if (readable_ && receive()) return true;
  if (eof_) {
    closing_ = true;
    return true;
  }
  return false;
}

void Connection::start_exchange() {
  context_.clock.update(context_.loop.now());
  ++turn_;
  ++requests_;
  send_rate_.reset();
  body_rate_.reset();
  exchange_ = context_.take_exchange();
  exchange_->begin(*this);
}

void Connection::begin_request() {
  start_exchange();
  std::string_view bytes = in_->view().substr(scanner_.begin(), scanner_.end() - scanner_.begin());
  size_t consumed = scanner_.end();
  scanner_.reset();
  if (http::Refusal refusal = http::parse_request_head(bytes, exchange_->head())) {
    exchange_->refuse(refusal);
    return;
  }
  // Not consume(): an emptied buffer would start over and overwrite the head.
  in_->begin += consumed;
  exchange_->dispatch();
  if (exchange_->finished() && !exchange_->body_wanted()) return;
  // Somebody answers later: the head stays where it is, what follows it moves to a buffer of its own.
  auto head_buffer = std::move(in_);
  if (!head_buffer->empty()) {
    in_ = context_.buffers.take_input();
    while (in_->capacity < head_buffer->view().size()) *in_ = InputBuffer(in_->capacity * 2);
    in_->end = head_buffer->view().copy(in_->memory.get(), in_->capacity);
  }
  exchange_->adopt(std::move(head_buffer));
}

void Connection::begin_refused(const http::Refusal& refusal) {
  start_exchange();
  // For the log: the first line, as far as it came.
  http::RequestHead& head = exchange_->head();
  head = http::RequestHead();
  std::string_view line = in_->view().substr(0, in_->view().find_first_of("\r\n"));
  head.method_token = line.substr(0, line.find(' '));
  exchange_->refuse(refusal);
}

void Connection::end_exchange() {
  bool keep = exchange_->keeps_connection();
  // Unread bytes in our socket would turn the close into a reset, which can destroy the answer on its way.
  lingers_ = !exchange_->cut() && (exchange_->body_unread() || exchange_->tunnel() || has_input() || readable_);
  context_.give(std::move(exchange_));
  if (in_ && in_->empty()) in_->begin = in_->end = 0;
  head_since_ = context_.loop.now();
  progress_ = true;
  if (!keep) closing_ = true;
}

void Connection::watch_peer() {
  int on = 1, seconds = kPeerProbeS;
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
}

// False when there was nothing. Edge-triggered: `readable_` stays until a short count says that the socket is empty.
bool Connection::receive() {
  if (!in_) in_ = context_.buffers.take_input();
  if (in_->end == in_->capacity) in_->make_room();
  if (in_->empty() && !exchange_) head_since_ = context_.loop.now();
  size_t room = in_->capacity - in_->end;
  ssize_t n;
  do {
    n = ::recv(fd_.get(), in_->memory.get() + in_->end, room, 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    readable_ = false;
    if (errno != EAGAIN) dead_ = true;
    return false;
  }
  if (n == 0) {
    readable_ = false;
    eof_ = true;
    return false;
  }
  if (static_cast<size_t>(n) < room && !peer_done_) readable_ = false;
  in_->end += static_cast<size_t>(n);
  context_.counters.bytes_received += static_cast<uint64_t>(n);
  return true;
}

// And has said nothing that is still to be answered, and has been sent all that there was to say.
bool Connection::client_has_ended() const {
  if (!peer_done_ || has_input() || !queue_.empty()) return false;
  char byte;
  return eof_ || ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// False when nothing moved.
bool Connection::flush() {
  if (queue_.empty() || !writable_) return false;
  size_t taken = 0;
  bool last = closing_ && !lingers_;
  SendQueue::Outcome outcome = queue_.flush(fd_.get(), last, taken);
  switch (outcome) {
    case SendQueue::Outcome::all_sent:
      break;
    case SendQueue::Outcome::unfinished:
      wake();
      break;
    case SendQueue::Outcome::blocked:
      writable_ = false;
      break;
    case SendQueue::Outcome::broken:
      dead_ = true;
      return false;
  }
  context_.counters.bytes_sent += taken;
  sent_ += taken;
  if (taken > 0) progress_ = true;
  return taken > 0 && outcome != SendQueue::Outcome::unfinished;
}

bool Connection::finish_close() {
  if (!lingers_ || reset_ || eof_) {
    dead_ = true;
    return false;
  }
  half_closed_ = true;
  cancel();  // the lingering has its own deadline
  ::shutdown(fd_.get(), SHUT_WR);
  context_.buffers.give(std::move(in_));
  in_.reset();
  return true;
}

// RFC 9112 section 9.6: read until the client has seen our FIN and closes, so that no reset overtakes the response.
bool Connection::linger() {
  if (!readable_) return false;
  if (in_) in_->begin = in_->end = 0;
  size_t before = in_ ? in_->end : 0;
  bool got = receive();
  lingered_ += static_cast<uint32_t>(in_ ? in_->end - before : 0);
  if (eof_ || lingered_ > kLingerBytesMax) dead_ = true;
  return got;
}

}  // namespace trimaran::front
