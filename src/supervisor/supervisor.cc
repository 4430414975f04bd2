#include "supervisor/supervisor.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "supervisor/app_user.h"
#include "supervisor/folders.h"
#include "supervisor/reach.h"

namespace trimaran {
namespace {

// A cron job that does not run is not stopped: its time has not come.
std::string_view state_of(const Service& service) {
  if (service.spec().kind != "cron" || service.state() == ServiceState::draining) return to_string(service.state());
  return service.gone() ? "waiting" : "running";
}

// As root all sites share one run folder unless they say otherwise: the daemon that has it may serve another file.
Status already_running(const Config& config, const std::string& lock_path) {
  std::string file = LockFile::holder(lock_path);
  std::string said = "another trimaran already runs" + (file.empty() ? "" : " for " + file) + " (it holds " + lock_path;
  if (file.empty() || file == config.file) return make_error(said + ")");
  return make_error(said + "); for " + config.file + " beside it, set [server] run and state to folders of its own");
}

void report_app(const Site& site, SiteReport& report) {
  report.app_state = site.state();
  report.app_reason = site.reason();
  report.app_target = site.current()->site().app->target;
  for (const App* app : site.generations()) {
    report.generations.push_back({app->generation(), std::string(site.part_of(*app)),
                                  std::string(to_string(app->state())), app->release(), site.share_of(*app),
                                  static_cast<int>(app->workers())});
  }
}

}  // namespace

Supervisor::Supervisor(Runtime runtime, Notifier notifier, SourceBundle sources, Config config)
    : groups_(config.groups_file()),
      runtime_(std::move(runtime)),
      strays_(runtime_.loop),
      notifier_(std::move(notifier)),
      deployment_{std::move(config), std::move(sources), 1, Listeners(inherited_sockets())},
      started_at_(monotonic_ms()),
      reload_due_(runtime_.loop),
      counters_due_(runtime_.loop),
      front_(runtime_, "front", deployment_, hooks(true)),
      nameserver_(runtime_, "nameserver", deployment_, hooks(false)),
      fleet_{runtime_, FrontLine(front_), [this] { changed(); }, deployment_.config.run_dir,
             PortRange(static_cast<uint32_t>(::getpid()))},
      database_restart_(runtime_.loop, restart_hooks(), {}),
      load_due_(runtime_.loop),
      applied_due_(runtime_.loop),
      shared_due_(runtime_.loop),
      deployer_(runtime_, *this) {
  runtime_.outputs = &outputs_;
  runtime_.groups = &groups_;
  deployment_.sources.note_awaited(deployment_.config);
}

Supervisor::~Supervisor() = default;

NetworkRole::Hooks Supervisor::hooks(bool front) {
  NetworkRole::Hooks hooks;
  hooks.changed = [this] { changed(); };
  hooks.started = [this, front] {
    if (front) front_started();
  };
  hooks.applied = [this] {
    if (unapplied_ == 0 || --unapplied_ > 0) return;
    close_old_listeners();
    answer_applied();
  };
  hooks.counted = [this, front] {
    if (front) answer_shared();
    bool missed = std::exchange(front ? front_uncounted_ : nameserver_uncounted_, false);
    if (!missed || front_uncounted_ || nameserver_uncounted_) return;
    counters_due_.set(0, [this] {
      for (auto& done : std::exchange(counter_waiters_, {})) done();
    });
  };
  hooks.said = [this](const Message& message) { on_front_says(message); };
  return hooks;
}

Status Supervisor::start() {
  const Config& config = deployment_.config;
  if (Status reachable = check_reach(config, runtime_); !reachable) return reachable;
  if (Status made = prepare_folders(config); !made) return made;
  const std::string lock_path = config.run_dir + "/lock";
  auto lock = LockFile::take(lock_path, config.file);
  if (!lock && lock.error().os_errno == EWOULDBLOCK) return already_running(config, lock_path);
  if (!lock) return std::unexpected(lock.error());
  lock_ = std::move(*lock);
  end_earlier_run();
  if (Status opened = open_listeners(config, deployment_.generation); !opened) return opened;
  if (Status made = prepare_sites(config); !made) return made;

  front_.service().start();
  nameserver_.service().start();
  apply_database();
  apply_sites();
  return {};
}

// Before any socket is opened: it may be held by one of these.
void Supervisor::end_earlier_run() {
  Survivors survivors = end_survivors(deployment_.config.groups_file());
  if (survivors.ended > 0) {
    runtime_.say("ended " + std::to_string(survivors.ended) + " processes that a killed supervisor left behind");
  }
  if (survivors.left > 0) {
    runtime_.say(std::to_string(survivors.left) + " processes that a killed supervisor left behind do not end");
  }
  groups_.clear();
}

Status Supervisor::open_listeners(const Config& config, int generation) {
  std::string lines;
  for (const Error& error : deployment_.listeners.open(config, generation)) {
    if (!lines.empty()) lines += '\n';
    lines += error.message;
  }
  if (!lines.empty()) return make_error(lines);
  return {};
}

Status Supervisor::prepare_sites(const Config& config) {
  for (const SiteConfig& site : config.sites) {
    if (Status made = prepare_site(site, runtime_); !made) return made;
  }
  return {};
}

std::vector<MariadbDatabase> Supervisor::mariadb_databases() const {
  std::vector<MariadbDatabase> out;
  for (const SiteConfig& site : deployment_.config.sites) {
    if (site.database.engine != Engine::mariadb) continue;
    out.push_back({mariadb_database_name(site.domain), app_user_name(runtime_, site)});
  }
  return out;
}

// Services report from inside their own callbacks; what follows from a change is done once, after the round.
void Supervisor::changed() {
  if (std::exchange(update_scheduled_, true)) return;
  runtime_.loop.defer([this] {
    update_scheduled_ = false;
    update();
  });
}

void Supervisor::update() {
  if (stopping_) return advance_stop();
  start_waiting_apps();
  advance_generations();
  database_restart_.advance();
  deployer_.advance();
  watch_load();
  follow_reload();
  announce();
}

// Workers need their database from the first line of the application on.
void Supervisor::start_waiting_apps() {
  for (auto& [domain, site] : sites_) {
    for (App* app : site.generations()) {
      if (app->started() || app->draining()) continue;
      if (app->site().awaits_release) {
        app->wait_for("nothing was deployed yet", true);
        continue;
      }
      bool needs_server = app->site().database.engine == Engine::mariadb;
      if (!needs_server || database_->serving())
        app->start();
      else if (database_->reason().empty())
        app->wait_for("the database is starting", false);
      else
        app->wait_for("the database does not run: " + database_->reason(), true);
    }
  }
}

void Supervisor::front_started() {
  for (auto& [domain, site] : sites_) site.front_started();
}

// Every part serves, or has said why it does not: systemd may go on, and whoever waits for `run` learns it.
bool Supervisor::settled() const {
  return front_.service().serving() && nameserver_.service().serving() &&
         std::all_of(sites_.begin(), sites_.end(), [](const auto& entry) {
           const App* app = entry.second.current();
           return !app || app->state() != AppState::starting;
         });
}

std::string Supervisor::overall_state() const {
  if (stopping_) return "stopping";
  bool apps_serve = std::all_of(sites_.begin(), sites_.end(), [](const auto& entry) {
    const Site& site = entry.second;
    return (!site.current() || site.state() == "serving") && site.jobs().serving();
  });
  bool all_serve = front_.service().serving() && nameserver_.service().serving() && apps_serve &&
                   (!database_ || database_->serving());
  if (all_serve) return "serving";
  return ready_ ? "degraded" : "starting";
}

void Supervisor::announce() {
  std::string lines;
  if (!ready_ && settled()) {
    ready_ = true;
    lines = "READY=1\n";
    for (const Listener& listener : deployment_.listeners.all()) {
      if (listener.thread == 0) {
        runtime_.say("listens on " + std::string(to_string(listener.kind)) + " " + listener.bound.to_string());
      }
    }
  }
  std::string state = overall_state();
  if (state == announced_) return;
  announced_ = state;
  runtime_.say(state);
  notifier_.send(lines + "STATUS=" + state);
}

void Supervisor::refresh_counters(std::function<void()> done) {
  counter_waiters_.push_back(std::move(done));
  front_uncounted_ = front_.refresh_counters();
  nameserver_uncounted_ = nameserver_.refresh_counters();
  counters_due_.set(front_uncounted_ || nameserver_uncounted_ ? kCountersMs : 0, [this] {
    for (auto& waiter : std::exchange(counter_waiters_, {})) waiter();
  });
}

Report Supervisor::report() const {
  Report report;
  report.state = overall_state();
  report.pid = ::getpid();
  report.uptime_s = (runtime_.loop.now() - started_at_) / 1000;
  report.site_file = deployment_.config.file;
  report.generation = deployment_.generation;
  report.front_json = front_.counters();
  report.nameserver_json = nameserver_.counters();
  auto add = [&](const Service& service) {
    const ServiceMachine& machine = service.machine();
    std::optional<int64_t> since_s;
    if (machine.since() != 0) since_s = (runtime_.loop.now() - machine.since()) / 1000;
    report.services.push_back({service.name(), service.spec().kind, service.pid(), std::string(state_of(service)),
                               since_s, machine.restarts(), machine.reason()});
  };
  for (const NetworkRole* role : {&front_, &nameserver_}) {
    for (const Service* service : role->services()) add(*service);
  }
  if (database_) {
    if (database_->creating()) add(database_->installer());
    add(database_->service());
    report.services.back().reason = database_->reason();
  }
  for (const auto& [domain, site] : sites_) {
    for (const App* app : site.generations()) {
      for (const Service* service : app->services()) add(*service);
    }
    for (const Service* service : site.jobs().services()) add(*service);
  }
  for (const Listener& listener : deployment_.listeners.all()) {
    if (listener.thread != 0) continue;
    report.listeners.push_back({std::string(to_string(listener.kind)), listener.bound.to_string()});
  }
  for (const SiteConfig& config : deployment_.config.sites) {
    SiteReport site{.domain = config.domain};
    auto found = sites_.find(config.domain);
    if (found != sites_.end() && found->second.current()) report_app(found->second, site);
    site.engine = config.database.engine == Engine::sqlite ? "sqlite" : "mariadb";
    site.database = database_url(deployment_.config, config, runtime_);
    report.sites.push_back(std::move(site));
  }
  return report;
}

}  // namespace trimaran
