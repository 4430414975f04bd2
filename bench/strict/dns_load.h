// The DNS load: queries at a constant rate over a few connected UDP sockets. Each is asked exactly once, and one
// without an answer within the timeout is lost: a resolver would hide that by asking again. bench/dns_load.cc is the
// one for speed.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "strict/options.h"
#include "strict/pacer.h"
#include "strict/poller.h"
#include "strict/results.h"

namespace trimaran::strict {

class DnsLoad {
 public:
  static constexpr size_t kSockets = 8;  // so that SO_REUSEPORT spreads them over the server's threads
  static constexpr int kBatch = 64;      // packets in one system call
  static constexpr size_t kAnswerBytes = 4096;

  DnsLoad(const Options& options, Poller& poller, Results& results);
  void run();

 private:
  struct Query {
    uint64_t id = 0;  // 0: none
    int64_t due_us = 0;
  };
  struct Line final : Poller::Handler {
    void on_events(uint32_t) override { load->receive(*this); }
    DnsLoad* load = nullptr;
    Fd socket;
    std::vector<Query> pending = std::vector<Query>(65536);  // by DNS ID
    uint16_t next = 0, oldest = 0;                           // [oldest, next) may be pending
  };
  void send_due(int64_t now_us);
  void send(Line& line, int64_t now_us, size_t count);
  void receive(Line& line);
  void take_answer(Line& line, std::string_view packet, int64_t now_us);
  void give_up(Line& line, int64_t now_us);
  void finish(Query& query, int64_t now_us, Outcome outcome, int status);

  const Options& options_;
  Poller& poller_;
  Results& results_;
  Pacer pacer_;
  std::string query_;
  std::array<Line, kSockets> lines_;
  std::array<std::array<char, kAnswerBytes>, kBatch> answers_;
  size_t turn_ = 0;
  uint64_t begun_ = 0;
};

}  // namespace trimaran::strict
