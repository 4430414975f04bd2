#include "front/counters.h"

#include <fmt/format.h>

namespace trimaran::front {

Counters& Counters::operator+=(const Counters& o) {
  connections_open += o.connections_open;
  connections_idle += o.connections_idle;
  accepted += o.accepted;
  requests += o.requests;
  for (size_t i = 0; i < responses.size(); ++i) responses[i] += o.responses[i];
  bytes_received += o.bytes_received;
  bytes_sent += o.bytes_sent;
  limit_connections += o.limit_connections;
  limit_client += o.limit_client;
  limit_head += o.limit_head;
  limit_body += o.limit_body;
  timeout_head += o.timeout_head;
  timeout_body += o.timeout_body;
  timeout_send += o.timeout_send;
  timeout_idle += o.timeout_idle;
  timeout_tunnel += o.timeout_tunnel;
  return *this;
}

std::string Counters::to_json(int threads, bool draining) const {
  return fmt::format(
      R"({{"threads":{},"draining":{},"connections":{{"open":{},"idle":{},"accepted":{}}},"requests":{},)"
      R"("responses":{{"2xx":{},"3xx":{},"4xx":{},"5xx":{}}},"bytes":{{"received":{},"sent":{}}},)"
      R"("limits":{{"connections":{},"connections_per_client":{},"head":{},"body":{},"head_timeout":{},)"
      R"("body_timeout":{},"send_timeout":{},"idle_timeout":{},"tunnel_timeout":{}}}}})",
      threads, draining, connections_open, connections_idle, accepted, requests, responses[2], responses[3],
      responses[4], responses[5], bytes_received, bytes_sent, limit_connections, limit_client, limit_head, limit_body,
      timeout_head, timeout_body, timeout_send, timeout_idle, timeout_tunnel);
}

}  // namespace trimaran::front
