// What one front thread has done; plain numbers, because only that thread writes them. The main thread asks for copies.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace trimaran::front {

struct Counters {
  uint64_t connections_open = 0;
  uint64_t connections_idle = 0;
  uint64_t accepted = 0;
  uint64_t requests = 0;
  std::array<uint64_t, 6> responses{};  // by class: responses[2] counts 2xx
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  // Limits reached, by name.
  uint64_t limit_connections = 0;
  uint64_t limit_client = 0;
  uint64_t limit_head = 0;  // request line, header size or count
  uint64_t limit_body = 0;  // 413
  uint64_t timeout_head = 0;
  uint64_t timeout_body = 0;  // too long a pause or too slow
  uint64_t timeout_send = 0;  // too long a pause or too slow
  uint64_t timeout_idle = 0;
  uint64_t timeout_tunnel = 0;

  Counters& operator+=(const Counters& other);
  std::string to_json(int threads, bool draining) const;
};

}  // namespace trimaran::front
