#include "strict/http_connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "base/time.h"

namespace trimaran::strict {

namespace {

constexpr size_t kReadBytes = 64 * 1024;

Outcome connect_outcome(int error) {
  if (error == ECONNREFUSED) return Outcome::refused;
  bool ours = error == EADDRNOTAVAIL || error == EMFILE || error == ENFILE || error == ENOBUFS;
  return ours ? Outcome::local : Outcome::connect;
}

// Not one letter repeated: a piece that is lost, doubled or misplaced must change the checksum.
void fill_up(std::string& body, size_t bytes) {
  for (size_t i = body.size(); i < bytes; ++i) body += static_cast<char>('a' + (i * 7 + i / 251) % 26);
}

}  // namespace

void HttpConnection::send(std::span<const Request> batch, int64_t now_us) {
  TRIMARAN_ASSERT(!busy());
  out_.clear();
  sent_ = head_bytes_ = received_ = 0;
  batch_us_ = now_us;
  for (const Request& request : batch) append_request(request);
  begin_answer();
  if (fd_ || connect()) flush();
}

void HttpConnection::append_request(const Request& request) {
  Values values{.id = request.id};
  std::string body = fill_in(options_.body, values);
  fill_up(body, options_.body_bytes);
  values.length = body.size();
  if (!body.empty()) values.crc32 = crc32(body);
  out_ += options_.method + " " + fill_in(options_.path, values) + " HTTP/1.1\r\nHost: " + options_.name + "\r\n";
  for (const std::string& line : options_.headers) out_ += fill_in(line, values) + "\r\n";
  bool has_body = !body.empty() || options_.method == "POST" || options_.method == "PUT";
  if (has_body) out_ += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  if (options_.new_connections) out_ += "Connection: close\r\n";
  out_ += "\r\n";
  if (in_flight_.empty()) head_bytes_ = out_.size();
  out_ += body;
  in_flight_.push_back({request, values});
}

bool HttpConnection::connect() {
  int fd = ::socket(options_.server.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int error = fd < 0 ? errno : 0;
  fd_ = Fd(fd);
  if (fd_) {
    int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options_.receive_buffer) {
      ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options_.receive_buffer, sizeof options_.receive_buffer);
    }
    if (::connect(fd, options_.server.get(), options_.server.length) != 0 && errno != EINPROGRESS) error = errno;
  }
  if (error != 0) {
    fail_all(connect_outcome(error), connect_outcome(error));
    return false;
  }
  connecting_ = true;
  reused_ = false;
  events_ = EPOLLIN | EPOLLOUT;
  poller_.add(fd, events_, *this);
  return false;
}

void HttpConnection::want(uint32_t events) {
  if (events == events_) return;
  events_ = events;
  poller_.modify(fd_.get(), events, *this);
}

// How many of `wanted` bytes may pass now, when `done` have since `since_us`.
size_t HttpConnection::allowed(double rate, size_t done, size_t wanted, int64_t since_us) const {
  if (rate <= 0) return wanted;
  auto limit = static_cast<size_t>(rate * static_cast<double>(monotonic_us() - since_us) / 1e6);
  return std::min(wanted, limit > done ? limit - done : 0);
}

void HttpConnection::flush() {
  bool full = false;
  while (sent_ < out_.size() && !full) {
    size_t count = out_.size() - sent_;
    if (options_.upload_rate > 0) {
      count = sent_ < head_bytes_ ? head_bytes_ - sent_
                                  : allowed(options_.upload_rate, sent_ - head_bytes_, count, batch_us_);
    }
    if (count == 0) break;  // pump() comes back
    ssize_t n = ::send(fd_.get(), out_.data() + sent_, count, MSG_NOSIGNAL);
    if (n > 0) {
      sent_ += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      full = true;
    } else if (errno != EINTR) {
      sent_ = out_.size();  // the connection is broken: reading says how, and whether an answer came before that
    }
  }
  want(full ? events_ | EPOLLOUT : events_ & ~static_cast<uint32_t>(EPOLLOUT));
}

void HttpConnection::on_events(uint32_t events) {
  if (!fd_) return;  // closed by an earlier event of this round
  if (connecting_) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
      close();
      return fail_all(connect_outcome(error), connect_outcome(error));
    }
    if (!(events & (EPOLLOUT | EPOLLIN))) return;
    connecting_ = false;
    owner_.connected();
  }
  if (events & EPOLLOUT) flush();
  if (options_.read_rate > 0 && busy() && !(events & (EPOLLERR | EPOLLHUP))) want(events_ & ~EPOLLIN);
  while (fd_ && read_some()) {
  }
}

void HttpConnection::pump() {
  if (!fd_ || connecting_ || !busy()) return;
  if (options_.upload_rate > 0) flush();
  while (fd_ && options_.read_rate > 0 && read_some()) {
  }
}

bool HttpConnection::read_some() {
  char buffer[kReadBytes];
  size_t room = busy() ? allowed(options_.read_rate, received_, sizeof buffer, batch_us_) : sizeof buffer;
  if (room == 0) return false;
  ssize_t n = ::recv(fd_.get(), buffer, room, 0);
  if (n > 0) {
    received_ += static_cast<size_t>(n);
    feed({buffer, static_cast<size_t>(n)});
    return static_cast<size_t>(n) == room;  // a short count: the socket is empty, or epoll says so again
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  on_end(n == 0 ? Outcome::closed : Outcome::reset);
  return false;
}

void HttpConnection::begin_answer() {
  reader_.start(options_.method == "HEAD");
  check_.start(options_.expect, in_flight_.front().values);
}

void HttpConnection::feed(std::string_view bytes) {
  while (!bytes.empty() && fd_) {
    if (!busy()) {  // nobody asked: a 408 for an idle connection, or worse; it ends the connection either way
      owner_.idle_closed();
      return close();
    }
    ResponseReader::Step step = reader_.next(bytes);
    check_.feed(step.data);
    bytes.remove_prefix(step.consumed);
    if (step.outcome == ResponseReader::Outcome::malformed) {
      close();
      return fail_all(Outcome::malformed, Outcome::closed_reused);
    }
    if (step.outcome == ResponseReader::Outcome::done) complete(!bytes.empty());
  }
}

void HttpConnection::complete(bool bytes_left) {
  Request request = in_flight_.front().request;
  in_flight_.pop_front();
  Outcome outcome = Outcome::ok;
  if (!check_.status_right(reader_.status()))
    outcome = Outcome::status;
  else if (!check_.body_right())
    outcome = Outcome::body;
  else if (bytes_left && in_flight_.empty())
    outcome = Outcome::malformed;  // more came than the response said it had
  reused_ = true;
  bool whole = sent_ == out_.size();
  if (reader_.closes() || options_.new_connections || !whole || outcome == Outcome::malformed) close();
  owner_.finished(request, outcome, reader_.status(), check_.excerpt());
  for (; !fd_ && !in_flight_.empty(); in_flight_.pop_back()) owner_.send_again(in_flight_.back().request);
  if (in_flight_.empty()) {
    if (fd_) want(events_ | EPOLLIN);
    owner_.free(*this);
  } else {
    begin_answer();
  }
}

// The stream has ended, by FIN (closed) or by RST (reset).
void HttpConnection::on_end(Outcome when_unanswered) {
  if (!busy()) {
    owner_.idle_closed();
    return close();
  }
  if (when_unanswered == Outcome::closed && reader_.complete_at_end()) return complete(false);
  Outcome outcome = reader_.begun() ? Outcome::cut_short : reused_ ? Outcome::closed_reused : when_unanswered;
  close();
  fail_all(outcome, Outcome::closed_reused);
}

void HttpConnection::check_deadline(int64_t now_us) {
  if (!busy()) return;
  if (now_us - in_flight_.front().request.due_us < static_cast<int64_t>(options_.timeout_s * 1e6)) return;
  close();
  fail_all(Outcome::timeout, Outcome::timeout);
}

void HttpConnection::fail_all(Outcome first, Outcome rest) {
  for (const Sent& sent : std::exchange(in_flight_, {})) {
    owner_.finished(sent.request, std::exchange(first, rest), reader_.status(), check_.excerpt());
  }
  owner_.free(*this);
}

void HttpConnection::close() {
  fd_.reset();
  connecting_ = false;
}

}  // namespace trimaran::strict
