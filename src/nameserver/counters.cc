#include "nameserver/counters.h"

#include <fmt/format.h>

namespace trimaran {

void CounterSum::add(const NameserverCounters& counters) {
  udp_queries_ += counters.udp_queries.get();
  tcp_queries_ += counters.tcp_queries.get();
  truncated_ += counters.truncated.get();
  dropped_ += counters.dropped.get();
  tcp_connections_ += counters.tcp_connections.get();
  tcp_evicted_ += counters.tcp_evicted.get();
  tcp_timeouts_ += counters.tcp_timeouts.get();
  tcp_refused_ += counters.tcp_refused.get();
  for (size_t i = 0; i < answers_.size(); ++i) answers_[i] += counters.answers[i].get();
}

std::string CounterSum::to_json(size_t zones, size_t records) const {
  std::string answers;
  for (size_t i = 0; i < answers_.size(); ++i) {
    if (answers_[i] == 0) continue;
    if (!answers.empty()) answers += ',';
    answers += fmt::format(R"("{}":{})", dns::rcode_to_text(static_cast<dns::Rcode>(i)), answers_[i]);
  }
  return fmt::format(
      R"({{"zones":{},"records":{},"udp_queries":{},"tcp_queries":{},"answers":{{{}}},"truncated":{},"dropped":{},)"
      R"("tcp_connections":{},"tcp_evicted":{},"tcp_timeouts":{},"tcp_refused":{}}})",
      zones, records, udp_queries_, tcp_queries_, answers, truncated_, dropped_, tcp_connections_, tcp_evicted_,
      tcp_timeouts_, tcp_refused_);
}

}  // namespace trimaran
