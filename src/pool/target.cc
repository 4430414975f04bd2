#include "pool/target.h"

#include "base/strings.h"
#include "pool/fastcgi_codec.h"
#include "pool/http_codec.h"
#include "pool/upstream_channel.h"
#include "pool/worker_channel.h"

namespace trimaran::pool {
namespace {

constexpr uint64_t kCapacityMax = worker::kSlots - kPrefetch;  // prefetched requests need slots too

Result<std::unique_ptr<Channel>> make_worker_channel(EventLoop& loop, Pool& pool, TargetSpec spec,
                                                     std::function<void()> on_gone) {
  if (spec.fds.size() != 2) return make_error("its socket and ledger did not come");
  auto ledger = worker::Ledger::map(spec.fds[1]);
  if (!ledger) return std::unexpected(std::move(ledger.error()));
  return std::make_unique<WorkerChannel>(loop, pool, spec.id, std::move(spec.fds[0]), std::move(*ledger),
                                         std::move(on_gone));
}

Result<std::unique_ptr<Channel>> make_upstream_channel(EventLoop& loop, Pool& pool, TargetSpec spec,
                                                       std::function<void()> on_gone) {
  if (spec.address.empty()) return make_error("it has no address");
  UpstreamOptions options{.address = std::move(spec.address),
                          .make_codec = [] { return std::make_unique<HttpCodec>(); },
                          .capacity = spec.capacity,
                          .log_name = std::move(spec.site)};
  if (spec.protocol == "fastcgi") {
    options.make_codec = [scripts = PhpScripts(std::move(spec.root))] {
      return std::make_unique<FastCgiCodec>(scripts);
    };
  }
  if (!spec.fds.empty()) options.lease = std::move(spec.fds.front());
  return std::make_unique<UpstreamChannel>(loop, pool, spec.id, std::move(options), std::move(on_gone));
}

}  // namespace

Result<TargetSpec> read_target(Message message) {
  auto id = parse_u64(message.field("worker")), capacity = parse_u64(message.field("capacity"));
  if (!capacity) capacity = parse_u64(message.field("threads"));  // as a supervisor without generations says it
  if (!id) return make_error("a target message names no worker");
  if (!capacity || *capacity == 0 || *capacity > kCapacityMax) {
    return make_error("worker " + message.field("worker") + " has no capacity between 1 and " +
                      std::to_string(kCapacityMax));
  }
  const std::string& protocol = message.field("protocol");
  return TargetSpec{.id = *id,
                    .generation = parse_u64(message.field("generation")).value_or(0),
                    .capacity = static_cast<int>(*capacity),
                    .protocol = protocol.empty() ? "worker" : protocol,
                    .address = message.field("address"),
                    .root = message.field("root"),
                    .site = message.field("site"),
                    .fds = std::move(message.fds)};
}

Result<std::vector<Share>> parse_shares(std::string_view text) {
  std::vector<Share> shares;
  uint64_t sum = 0;
  for (std::string_view item : split(text, ' ')) {
    size_t equals = item.find('=');
    if (equals == std::string_view::npos) return make_error("shares are not GENERATION=PERCENT: " + std::string(text));
    auto generation = parse_u64(item.substr(0, equals)), percent = parse_u64(item.substr(equals + 1));
    if (!generation || !percent || *percent > 100) return make_error("shares are not percents: " + std::string(text));
    shares.push_back({*generation, static_cast<int>(*percent)});
    sum += *percent;
  }
  if (sum != 100) return make_error("shares do not add up to 100: " + std::string(text));
  return shares;
}

Result<std::unique_ptr<Channel>> make_channel(EventLoop& loop, Pool& pool, TargetSpec spec,
                                              std::function<void()> on_gone) {
  if (spec.protocol == "worker") return make_worker_channel(loop, pool, std::move(spec), std::move(on_gone));
  if (spec.protocol == "http" || spec.protocol == "fastcgi") {
    return make_upstream_channel(loop, pool, std::move(spec), std::move(on_gone));
  }
  return make_error("its protocol is not known: " + spec.protocol);
}

}  // namespace trimaran::pool
