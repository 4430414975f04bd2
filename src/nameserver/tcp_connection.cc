#include "nameserver/tcp_connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "dns/query.h"
#include "dns/rdata.h"
#include "dns/respond.h"

namespace trimaran {

TcpConnection::TcpConnection(TcpServer& server, Fd socket, std::string client)
    : server_(server), socket_(std::move(socket)), client_(std::move(client)) {}

TcpConnection::~TcpConnection() {
  if (watched_ != 0) server_.loop_.remove(socket_.get(), *this);
}

Status TcpConnection::start() {
  watched_ = EPOLLIN;
  return server_.loop_.add(socket_.get(), watched_, *this);
}

void TcpConnection::on_io(uint32_t events) {
  bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;  // nobody is left to take an answer
  if (!broken && (events & EPOLLIN)) broken = output_ended_ ? !discard() : wants_input() && !read();
  if (broken || !exchange()) return server_.close(*this);
  if (input_ended_ && out_.empty()) {
    if (peer_ended_ || !end_output()) return server_.close(*this);
  }
  watch();
}

bool TcpConnection::read() {
  ssize_t n = ::recv(socket_.get(), server_.read_buffer_.get(), TcpServer::kReadBytes, MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) input_ended_ = peer_ended_ = true;
  in_.append(server_.read_buffer_.get(), static_cast<size_t>(n));
  return true;
}

// The last answers are on their way. A close with unread input would reset the connection and take them back (RFC 9293
// section 3.10.4), so the rest of it is read and dropped until the peer closes, or has rested too long.
bool TcpConnection::end_output() {
  if (std::exchange(output_ended_, true)) return true;
  return ::shutdown(socket_.get(), SHUT_WR) == 0;
}

bool TcpConnection::discard() {
  ssize_t n = ::recv(socket_.get(), server_.read_buffer_.get(), TcpServer::kReadBytes, MSG_DONTWAIT);
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

// Answers make room for queries that waited, and those make answers again, until either side has nothing.
bool TcpConnection::exchange() {
  for (;;) {
    answer_queries();
    bool was_full = !has_room();  // then whole queries may be left, of which no event will tell
    if (!write()) return false;
    if (!out_.empty() || !was_full) return true;
  }
}

void TcpConnection::answer_queries() {
  size_t at = 0;
  while (in_.size() - at >= 2 && has_room()) {
    size_t length = dns::read_u16(in_, at);
    bool is_query = length >= dns::kHeaderBytes && length <= TcpServer::kMaxQueryBytes;
    if (is_query && in_.size() - at - 2 < length) break;
    if (!is_query || !answer_one(std::string_view(in_).substr(at + 2, length))) {
      input_ended_ = true;
      at = in_.size();
      break;
    }
    at += 2 + length;
  }
  in_.erase(0, at);
}

bool TcpConnection::answer_one(std::string_view query) {
  // Only a peer that takes its answers makes progress; one that piles up queries does not.
  if (out_.empty()) server_.progressed(*this);
  server_.counters_.tcp_queries.add();
  std::span<char> buffer(server_.reply_buffer_.get(), dns::kMaxTcpBytes);
  dns::Reply reply = dns::respond(*server_.snapshot_, query, buffer, dns::Transport::tcp);
  if (reply.size == 0) {  // a response instead of a query: no DNS client
    server_.counters_.dropped.add();
    return false;
  }
  server_.counters_.count_answer(reply.rcode, reply.truncated);
  out_ += {static_cast<char>(reply.size >> 8), static_cast<char>(reply.size)};
  out_.append(buffer.data(), reply.size);
  return ++queries_ < server_.limits_.queries_per_connection;
}

bool TcpConnection::write() {
  if (out_.empty()) return true;
  ssize_t n = ::send(socket_.get(), out_.data() + out_sent_, out_.size() - out_sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  out_sent_ += static_cast<size_t>(n);
  note_taken_answers();
  if (out_sent_ == out_.size()) {
    out_.clear();
    out_sent_ = out_taken_ = 0;
    if (out_.capacity() > TcpServer::kReadBytes) out_.shrink_to_fit();  // an idle connection holds no memory
  } else if (out_taken_ >= TcpServer::kMaxPendingReplyBytes) {
    out_.erase(0, out_taken_);  // a slow reader may never be through with what waits for it
    out_sent_ -= out_taken_;
    out_taken_ = 0;
  }
  return true;
}

void TcpConnection::note_taken_answers() {
  size_t before = out_taken_;
  while (out_taken_ < out_sent_) {
    size_t end = out_taken_ + 2 + dns::read_u16(out_, out_taken_);
    if (end > out_sent_) break;
    out_taken_ = end;
  }
  if (out_taken_ > before) server_.progressed(*this);
}

void TcpConnection::watch() {
  uint32_t wanted = 0;
  if (wants_input() || output_ended_) wanted |= EPOLLIN;
  if (!out_.empty()) wanted |= EPOLLOUT;
  if (wanted == watched_) return;
  watched_ = wanted;
  (void)server_.loop_.modify(socket_.get(), wanted, *this);
}

}  // namespace trimaran
