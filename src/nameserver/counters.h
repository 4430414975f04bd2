// What one thread of the name server has counted. Only its own thread writes, any thread may read: plain loads and
// stores that the compiler cannot tear, without a locked instruction a packet.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "dns/types.h"

namespace trimaran {

class Counter {
 public:
  void add(uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct NameserverCounters {
  Counter udp_queries;
  Counter tcp_queries;
  std::array<Counter, 17> answers;  // by RCODE
  Counter truncated;
  Counter dropped;          // datagrams that got no answer: not queries, or no room to send
  Counter tcp_connections;  // accepted
  Counter tcp_evicted;      // closed to make room for another
  Counter tcp_timeouts;
  Counter tcp_refused;  // over the limit of one client

  void count_answer(dns::Rcode rcode, bool was_truncated) {
    answers[static_cast<size_t>(rcode)].add();
    if (was_truncated) truncated.add();
  }
};

// The sum over all threads as a JSON object: {"udp_queries":1,...,"answers":{"NOERROR":1,...}}.
class CounterSum {
 public:
  void add(const NameserverCounters& counters);
  std::string to_json(size_t zones, size_t records) const;

 private:
  uint64_t udp_queries_ = 0, tcp_queries_ = 0, truncated_ = 0, dropped_ = 0;
  uint64_t tcp_connections_ = 0, tcp_evicted_ = 0, tcp_timeouts_ = 0, tcp_refused_ = 0;
  std::array<uint64_t, 17> answers_{};
};

}  // namespace trimaran
