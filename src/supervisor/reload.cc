// Supervisor, reload: a new configuration is proved before anything changes, and an application's new workers serve
// before its old ones are drained. Whatever fails leaves the old state serving.
#include <algorithm>

#include "supervisor/folders.h"
#include "supervisor/reach.h"
#include "supervisor/supervisor.h"

namespace trimaran {
ReloadOutcome Supervisor::reload() {
  if (stopping_) return {1, "trimaran is stopping"};
  if (upgrading()) return {1, "an upgrade is under way"};
  const std::string file = deployment_.config.file;
  auto sources = read_sources(file, deployment_.sources.as_root);
  if (!sources) return {2, sources.error().message};
  sources->default_user = deployment_.sources.default_user;
  keep_releases(*sources);
  ParsedConfig parsed = parse_config(*sources);
  if (!parsed.diagnostics.empty()) return {2, format_diagnostics(parsed.diagnostics, *sources)};
  // What serves would end: that is no site before its first deploy, but a mistake.
  if (stops_serving(parsed.config)) {
    for (Diagnostic& warning : parsed.warnings) warning.is_warning = false;
    return {2, format_diagnostics(parsed.warnings, *sources)};
  }
  if (Status same = check_unchangeable(parsed.config); !same) return {1, same.error().message};
  if (Status reachable = check_reach(parsed.config, runtime_); !reachable) return {1, reachable.error().message};
  if (Status made = prepare_sites(parsed.config); !made) return {1, made.error().message};
  // Last of what can fail: the sockets that it opens are closed again by nobody.
  if (Status opened = open_listeners(parsed.config, deployment_.generation + 1); !opened)
    return {1, opened.error().message};

  notifier_.send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()));
  put_in_force(std::move(*sources), std::move(parsed.config));
  reload_.begin(deployment_.generation, std::any_of(deployment_.config.sites.begin(), deployment_.config.sites.end(),
                                                    [](const SiteConfig& site) { return site.app.has_value(); }));
  for (const Error& error : outputs_.reopen()) runtime_.say(error.message);
  apply_database();
  apply_sites();
  notifier_.send("READY=1");
  std::string text = "configuration " + std::to_string(deployment_.generation) + " is in force";
  runtime_.say(text);
  return {0, text, true};
}

bool Supervisor::stops_serving(const Config& next) const {
  const auto& now = deployment_.config.sites;
  return std::any_of(next.sites.begin(), next.sites.end(), [&](const SiteConfig& site) {
    return site.awaits_release && std::any_of(now.begin(), now.end(), [&](const SiteConfig& s) {
             return s.domain == site.domain && !s.awaits_release;
           });
  });
}

// What the processes were built around. Refused, rather than half taken.
Status Supervisor::check_unchangeable(const Config& next) const {
  const Config& now = deployment_.config;
  const char* key = nullptr;
  if (next.threads != now.threads) key = "threads";
  if (next.user != now.user) key = "user";
  if (next.state_dir != now.state_dir) key = "state";
  if (next.run_dir != now.run_dir) key = "run";
  if (!key) return {};
  return make_error("[server] " + std::string(key) + " cannot change while trimaran runs; stop it and start it again");
}

void Supervisor::apply_database() {
  std::vector<MariadbDatabase> databases = mariadb_databases();
  if (databases.empty()) return;  // one that nobody needs any more is drained after its last worker
  if (!database_) {
    database_ = std::make_unique<Database>(runtime_, deployment_.config.state_dir, deployment_.config.run_dir,
                                           [this] { changed(); });
    database_->start(std::move(databases));
  } else if (database_->gone()) {
    database_->start(std::move(databases));
  } else {
    database_->change(std::move(databases));
  }
}

void Supervisor::apply_sites() {
  for (auto& [domain, site] : sites_) {
    bool stays = std::any_of(deployment_.config.sites.begin(), deployment_.config.sites.end(),
                             [&](const SiteConfig& s) { return s.domain == domain && s.app; });
    if (!stays && site.current()) site.drain(site.current()->site().deploy.drain_ms);
  }
  for (const SiteConfig& site : deployment_.config.sites) {
    if (site.app) apply_site(site);
  }
  watch_files();
  changed();
}

void Supervisor::apply_site(const SiteConfig& config) {
  Site& site = sites_.try_emplace(config.domain, fleet_, config.domain).first->second;
  const App* current = site.current();
  if (current && same_processes(current->site(), config)) {
    // One that is on its way is older than this wish, unless it differs in its release only: a deploy goes on.
    if (site.next() && site.next()->release() == config.release) site.abandon();
    if (site.change(config)) reload_.restarts(config.domain);
    return;
  }
  std::string url = database_url(deployment_.config, config, runtime_);
  if (config.awaits_release) return site.replace(config, url);  // a deploy starts it
  reload_.restarts(config.domain);
  if (!current || current->state() != AppState::serving) return site.replace(config, url);
  const std::string domain = config.domain;
  const int reload = deployment_.generation;  // a newer one asks about its own generations
  GenerationCallbacks callbacks;
  callbacks.complete = [this, domain] {
    runtime_.say("the new workers of " + domain + " serve; the old ones finish");
    sites_.at(domain).promote(0);
    reload_.serves(domain);
  };
  callbacks.failed = [this, domain, reload](const GenerationFailure& failure) {
    if (reload != deployment_.generation) return;
    runtime_.say("the new workers of " + domain + " failed (" + failure.reason + "); the old ones still serve");
    reload_.failed(domain, failure.reason, true);
    changed();
  };
  site.begin(config, url, std::move(callbacks));
}

void Supervisor::advance_generations() {
  for (auto& [domain, site] : sites_) site.advance();
  std::erase_if(sites_, [](const auto& entry) { return entry.second.gone(); });
  bool finishing = std::any_of(sites_.begin(), sites_.end(), [](const auto& entry) {
    return !entry.second.current() || entry.second.generations().size() > 1;
  });
  if (!database_ || finishing || !mariadb_databases().empty() || database_restart_.running()) return;
  database_->drain();
  if (database_->gone()) database_.reset();
}

void Supervisor::when_reloaded(std::function<void(const ReloadOutcome&)> done) {
  reload_waiters_.push_back(std::move(done));
  reload_due_.set(kReloadMs, [this] { answer_reload(reload_.outcome()); });
  // Who is told that a configuration is in force may ask for its records and pages at once.
  when_applied([this] {
    if (unapplied_ > 0) reload_.unapplied();
    follow_reload();
  });
}

// The callbacks of apply_site() tell of those that replace others; here are those that had nothing to replace, and
// those that only got more workers.
void Supervisor::follow_reload() {
  for (const std::string& domain : std::set(reload_.pending())) {
    auto site = sites_.find(domain);
    const App* app = site == sites_.end() ? nullptr : site->second.current();
    if (!app) {
      reload_.forget(domain);
    } else if (site->second.next()) {
      continue;
    } else if (app->complete()) {
      reload_.serves(domain);
    } else if (auto failure = app->failure()) {
      reload_.failed(domain, failure->reason, app->state() == AppState::serving);
    } else if (app->state() == AppState::broken) {
      reload_.failed(domain, app->reason(), false);
    }
  }
  if (reload_.done() && applied_waiters_.empty()) answer_reload(reload_.outcome());
}

void Supervisor::answer_reload(const ReloadOutcome& outcome) {
  reload_due_.cancel();
  for (auto& done : std::exchange(reload_waiters_, {})) done(outcome);
}

void Supervisor::close_old_listeners() { deployment_.listeners.close_unused(deployment_.config); }

}  // namespace trimaran
