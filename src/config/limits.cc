// [limits]: the ranges within which a limit still protects and still lets honest clients through.
#include "config/tables.h"

namespace trimaran {
namespace {

constexpr Millis kMinTimeout = 100;  // less cuts off honest clients on a slow line
constexpr Millis kMaxTimeout = 24ll * 3600 * 1000;
constexpr uint64_t kMaxBody = 1ull << 40;
constexpr int64_t kMaxConnections = 1'000'000;

}  // namespace

void read_limits(const TomlValue* table, const FileScope& scope, LimitsConfig& out) {
  TableReader reader(table, "[limits]", scope);
  reader.read_size_as("request_line", out.request_line_bytes, 256, 64 << 10);
  reader.read_size_as("headers", out.header_bytes, 1 << 10, 1 << 20);
  reader.read_number_as("header_count", out.header_count, 1, 1'000);
  reader.read_size_as("body", out.body_bytes, 0, kMaxBody);
  reader.read_duration("head_timeout", out.head_timeout_ms, kMinTimeout, kMaxTimeout);
  reader.read_duration("idle_timeout", out.idle_timeout_ms, kMinTimeout, kMaxTimeout);
  reader.read_duration("body_timeout", out.body_timeout_ms, kMinTimeout, kMaxTimeout);
  reader.read_duration("tunnel_timeout", out.tunnel_timeout_ms, kMinTimeout, kMaxTimeout);
  reader.read_duration("send_timeout", out.send_timeout_ms, kMinTimeout, kMaxTimeout);
  reader.read_size_as("body_rate", out.body_rate_bytes, 0, 1 << 30);
  reader.read_number_as("connections", out.connections, 1, kMaxConnections);
  reader.read_number_as("connections_per_client", out.connections_per_client, 1, kMaxConnections);
  reader.read_number_as("requests_per_connection", out.requests_per_connection, 1, 1'000'000'000);
  reader.report_unknown_keys();
}

}  // namespace trimaran
