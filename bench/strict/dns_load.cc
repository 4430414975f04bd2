#include "strict/dns_load.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/time.h"
#include "dns/decode.h"
#include "dns/query.h"

namespace trimaran::strict {

namespace {

constexpr int64_t kLookUs = 20'000;
constexpr int kReceiveBuffer = 4 << 20;  // answers must not be lost on this side
constexpr uint16_t kWindow = 60'000;     // IDs of a socket that may be pending; more would be ambiguous

uint16_t u16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 | static_cast<uint8_t>(bytes[at + 1]));
}

}  // namespace

DnsLoad::DnsLoad(const Options& options, Poller& poller, Results& results)
    : options_(options),
      poller_(poller),
      results_(results),
      pacer_(options.rate, options.seconds, options.requests, monotonic_us()),
      query_(dns::encode_query(0, options.name + ".", dns::Type::A)) {
  for (Line& line : lines_) {
    line.load = this;
    line.socket = Fd(::socket(options.server.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::setsockopt(line.socket.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    if (::connect(line.socket.get(), options.server.get(), options.server.length) != 0) {
      std::perror("strict_load: connect");
      std::exit(2);
    }
    poller.add(line.socket.get(), EPOLLIN, line);
  }
}

void DnsLoad::run() {
  int64_t now = monotonic_us(), looked = now;
  results_.begin(now);
  while (pacer_.next_us(now) != INT64_MAX || results_.attempted() < begun_) {
    poller_.wait(std::min(looked + kLookUs, pacer_.next_us(now)));
    now = monotonic_us();
    if (poller_.stopped()) pacer_.stop();
    send_due(now);
    if (now - looked < kLookUs) continue;
    looked = now;
    for (Line& line : lines_) give_up(line, now);
  }
  results_.end(now);
}

// Each turn of the loop serves another socket; what is due together leaves together.
void DnsLoad::send_due(int64_t now_us) {
  Line& line = lines_[turn_++ % kSockets];
  size_t count = 0;
  Query due[kBatch];
  while (count < kBatch && static_cast<uint16_t>(line.next - line.oldest) + count < kWindow) {
    int64_t next = pacer_.next_us(now_us);
    if (next > now_us || begun_ == Results::kRecordsMax) break;
    pacer_.take();
    due[count++] = {++begun_, next};
  }
  for (size_t i = 0; i < count; ++i) line.pending[static_cast<uint16_t>(line.next + i)] = due[i];
  if (count > 0) send(line, now_us, count);
}

void DnsLoad::send(Line& line, int64_t now_us, size_t count) {
  std::string packets[kBatch];
  mmsghdr messages[kBatch] = {};
  iovec vectors[kBatch];
  for (size_t i = 0; i < count; ++i) {
    auto id = static_cast<uint16_t>(line.next + i);
    packets[i] = query_;
    packets[i][0] = static_cast<char>(id >> 8);
    packets[i][1] = static_cast<char>(id);
    vectors[i] = {packets[i].data(), packets[i].size()};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  size_t sent = 0;
  // An ICMP error of an earlier packet is reported by one send, which then has sent nothing; it says nothing about this
  // one, and the earlier one will be missed anyway.
  for (int errors = 0; sent < count && errors < 3;) {
    int n = ::sendmmsg(line.socket.get(), messages + sent, static_cast<unsigned>(count - sent), 0);
    if (n > 0)
      sent += static_cast<size_t>(n);
    else
      ++errors;
  }
  for (size_t i = sent; i < count; ++i) {
    finish(line.pending[static_cast<uint16_t>(line.next + i)], now_us, Outcome::local, 0);
  }
  line.next = static_cast<uint16_t>(line.next + count);
}

void DnsLoad::receive(Line& line) {
  mmsghdr messages[kBatch] = {};
  iovec vectors[kBatch];
  for (int i = 0; i < kBatch; ++i) {
    vectors[i] = {answers_[i].data(), answers_[i].size()};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int n = ::recvmmsg(line.socket.get(), messages, kBatch, MSG_DONTWAIT, nullptr);
  int64_t now = monotonic_us();
  for (int i = 0; i < n; ++i) take_answer(line, {answers_[i].data(), messages[i].msg_len}, now);
}

// Right: the same ID and question, a response, NOERROR and at least one answer.
void DnsLoad::take_answer(Line& line, std::string_view packet, int64_t now_us) {
  if (packet.size() < dns::kHeaderBytes) return;
  Query& query = line.pending[u16(packet, 0)];
  if (query.id == 0) return;  // too late: it was given up
  uint16_t flags = u16(packet, 2);
  int rcode = flags & dns::kRcodeMask;
  std::string_view question = std::string_view(query_).substr(dns::kHeaderBytes);
  bool same = (flags & dns::kFlagResponse) && packet.substr(dns::kHeaderBytes, question.size()) == question;
  Outcome outcome = !same                 ? Outcome::malformed
                    : rcode != 0          ? Outcome::status
                    : u16(packet, 6) == 0 ? Outcome::body
                                          : Outcome::ok;
  finish(query, now_us, outcome, rcode);
}

void DnsLoad::give_up(Line& line, int64_t now_us) {
  auto patience = static_cast<int64_t>(options_.timeout_s * 1e6);
  for (; line.oldest != line.next; ++line.oldest) {
    Query& query = line.pending[line.oldest];
    if (query.id == 0) continue;
    if (now_us - query.due_us < patience) return;
    finish(query, now_us, Outcome::timeout, 0);
  }
}

void DnsLoad::finish(Query& query, int64_t now_us, Outcome outcome, int status) {
  results_.add({query.id, query.due_us, now_us, outcome, status, ""});
  query.id = 0;
}

}  // namespace trimaran::strict
