#include "front/app_pools.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/strings.h"

namespace trimaran::front {
namespace {

// Tells the supervisor.
class Reporter final : public SiteApp::Watcher {
 public:
  Reporter(const AppPools& pools, std::string site) : pools_(pools), site_(std::move(site)) {}
  void on_hung(pool::TargetId worker, std::string_view request) override {
    pools_.tell(
        {"hung",
         {{"site", site_}, {"worker", std::to_string(worker)}, {"request", field_text(escape_for_log(request))}},
         {}});
  }
  void on_given_up(pool::TargetId worker) override {
    pools_.tell({"given-up", {{"site", site_}, {"worker", std::to_string(worker)}}, {}});
  }

 private:
  const AppPools& pools_;
  const std::string site_;
};

class PooledApps final : public Apps {
 public:
  PooledApps(AppPools& pools, EventLoop& loop) : pools_(pools), loop_(loop), thread_(pools.join(loop)) {}

  std::unique_ptr<Handler> make_handler(const SiteConfig& site) override {
    pools_.pool(site.domain).set_limits({.queue_max = static_cast<size_t>(site.app->queue_max)});
    return std::make_unique<AppHandler>(site_app(site.domain), *site.app);
  }

  void on_target(Message message) override {
    std::string site = message.field("site");
    auto spec = pool::read_target(std::move(message));
    if (!spec) return log_error(site + ": " + spec.error().message);
    if (auto added = site_app(site).add_target(std::move(*spec)); !added)
      log_error(site + ": " + added.error().message);
  }

  void on_message(const Message& message) override {
    SiteApp& app = site_app(message.field("site"));
    if (message.verb == "shares") app.recall_without_share();
    if (message.verb == "retire") {
      if (auto worker = parse_u64(message.field("worker"))) app.retire(*worker);
    } else if (message.verb == "cut") {
      if (auto generation = parse_u64(message.field("generation"))) app.end_tunnels(*generation);
    }
  }

  void end_tunnels() override {
    for (auto& [site, app] : apps_) app->end_tunnels(std::nullopt);
  }

 private:
  SiteApp& site_app(const std::string& site) {
    auto& app = apps_[site];
    if (app) return *app;
    app = std::make_unique<SiteApp>(loop_, pools_.pool(site), thread_, std::make_unique<Reporter>(pools_, site));
    return *app;
  }

  AppPools& pools_;
  EventLoop& loop_;
  const size_t thread_;
  std::map<std::string, std::unique_ptr<SiteApp>> apps_;
};

pool::PoolState read_state(const Message& message) {
  const std::string& state = message.field("state");
  if (state == "serving") return pool::PoolState::serving;
  if (state == "paused") return pool::PoolState::paused;
  if (state == "broken") return pool::PoolState::broken;
  return pool::PoolState::starting;
}

}  // namespace

size_t AppPools::join(EventLoop& loop) {
  std::lock_guard lock(mutex_);
  TRIMARAN_ASSERT(joined_ < loops_.size());
  loops_[joined_] = &loop;
  return joined_++;
}

pool::Pool& AppPools::pool(const std::string& site) {
  std::lock_guard lock(mutex_);
  auto& pool = pools_[site];
  if (!pool) pool = std::make_unique<pool::Pool>(loops_, pool::PoolLimits{});
  return *pool;
}

void AppPools::on_message(const Message& message) {
  const std::string& site = message.field("site");
  if (message.verb == "app")
    return pool(site).set_state(read_state(message), {message.field("reason"), message.field("log")});
  if (message.verb != "shares") return;
  auto shares = pool::parse_shares(message.field("shares"));
  if (!shares) return log_error(site + ": " + shares.error().message);
  pool(site).set_shares(*shares);
}

void AppPools::tell_loads() const {
  std::lock_guard lock(mutex_);
  for (const auto& [site, pool] : pools_) {
    pool::Pool::Numbers n = pool->numbers();
    tell_({"load",
           {{"site", site},
            {"busy", std::to_string(n.busy)},
            {"capacity", std::to_string(n.capacity)},
            {"queued", std::to_string(n.queued)}},
           {}});
  }
}

std::string AppPools::status_json() const {
  std::lock_guard lock(mutex_);
  std::string out = "{";
  for (const auto& [site, pool] : pools_) {
    pool::Pool::Numbers n = pool->numbers();
    // A domain needs no escaping: the configuration lets only letters, digits, hyphens and dots through.
    out += fmt::format(
        "{}\"{}\":{{\"targets\":{},\"capacity\":{},\"busy\":{},\"queued\":{},\"granted\":{},\"refused_full\":{},"
        "\"refused_broken\":{}}}",
        out.size() > 1 ? "," : "", site, n.targets, n.capacity, n.busy, n.queued, n.granted, n.refused_full,
        n.refused_broken);
  }
  return out + "}";
}

std::unique_ptr<Apps> make_pooled_apps(AppPools& pools, EventLoop& loop) {
  return std::make_unique<PooledApps>(pools, loop);
}

}  // namespace trimaran::front
