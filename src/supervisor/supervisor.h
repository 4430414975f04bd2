// Runs the whole site on one machine: owns the listeners, the configuration and every service, and reads no byte from
// the network. One thread, one loop; everything happens as an event.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "supervisor/database.h"
#include "supervisor/database_restart.h"
#include "supervisor/deploy.h"
#include "supervisor/file_watch.h"
#include "supervisor/lock_file.h"
#include "supervisor/log_files.h"
#include "supervisor/network_role.h"
#include "supervisor/process_groups.h"
#include "supervisor/reload_progress.h"
#include "supervisor/report.h"
#include "supervisor/runtime.h"
#include "supervisor/self_check.h"
#include "supervisor/site.h"
#include "supervisor/strays.h"

namespace trimaran {

class Supervisor final : private DeployHost {
 public:
  Supervisor(Runtime runtime, Notifier notifier, SourceBundle sources, Config config);
  ~Supervisor() override;

  // Permissions, folders, lock, sockets, services, in this order. An error: nothing was started; it may have several
  // lines.
  Status start();
  // Whether the new configuration is in force; its applications may still be starting.
  ReloadOutcome reload();
  // Calls `done` with the outcome of the last reload once front and name server serve it and each application that it
  // restarted serves or has failed, at the latest after kReloadMs: a database's start and a slow import.
  void when_reloaded(std::function<void(const ReloadOutcome&)> done);
  static constexpr Millis kReloadMs = 180'000;
  // In order: front, name server, workers, database. A second call does not wait for requests.
  void stop();
  // Of a stop that has waited so long for the last requests: what workers and processes get from the word to end until
  // they are killed. One that hangs has held the front until its limit (10 s); its own end shall not cost as much
  // again.
  static Millis workers_stop_ms(Millis waited_ms);
  static constexpr Millis kStopMs = 15'000;     // of requests and workers together
  static constexpr Millis kCleanUpMs = 10'000;  // nobody asks anything any more, some may still clean up
  static constexpr Millis kCleanUpLeastMs = 5'000;
  // Becomes the program at `binary` (an absolute path; "": the one that we were started from) in place: same process,
  // nothing is lost. `done` is called in this program if nothing came of it, else in the new one (when_upgraded()).
  using UpgradeDone = std::function<void(const ReloadOutcome&)>;
  void upgrade(std::string binary, UpgradeDone done);
  // The new program: calls `done` when its front and name server serve, or have failed.
  void when_upgraded(UpgradeDone done) { upgrade_waiters_.push_back(std::move(done)); }
  // Instead of start(): goes on where another program stopped. An error: nothing was taken over.
  Status resume(const State& state);
  // Whoever else has something to keep through an upgrade writes it into the state.
  void on_save(std::function<void(State&)> callback) { on_save_ = std::move(callback); }

  void on_stopped(std::function<void()> callback) { on_stopped_ = std::move(callback); }

  // Requests for this site wait ("": for every one that has an application), until it is resumed.
  ReloadOutcome pause(const std::string& domain, bool paused);
  // The database server ends in order and starts again while requests wait. `done` once it serves, or has failed.
  void restart_database(DatabaseRestart::Done done);

  Report report() const;
  // Asks front and name server for their counters; `done` once they have answered, at the latest after kCountersMs.
  void refresh_counters(std::function<void()> done);
  static constexpr Millis kCountersMs = 250;
  static constexpr Millis kAppliedMs = 15'000;  // that a change waits for front and name server; a reload takes 1 s

  const Config& config() const override { return deployment_.config; }
  Deployer& deployer() { return deployer_; }

 private:
  NetworkRole::Hooks hooks(bool front);
  void end_earlier_run();
  Status open_listeners(const Config& config, int generation);
  Status prepare_sites(const Config& config);
  std::vector<MariadbDatabase> mariadb_databases() const;

  // supervisor.cc
  void changed();
  void update();
  void start_waiting_apps();
  void front_started();
  void announce();
  std::string overall_state() const;
  bool settled() const;

  // maintenance.cc
  void on_front_says(const Message& message);
  void watch_load();
  bool site_uses_server(const Site& site) const;
  DatabaseRestart::Hooks restart_hooks();

  // reload.cc
  // Whether a site that serves would wait for a first deploy.
  bool stops_serving(const Config& next) const;
  Status check_unchangeable(const Config& next) const;
  void apply_sites();
  void apply_site(const SiteConfig& site);
  void apply_database();
  void advance_generations();
  void follow_reload();
  void answer_reload(const ReloadOutcome& outcome);
  void close_old_listeners();

  // in_force.cc
  Site* site(const std::string& domain) override;
  std::string database_of(const SiteConfig& site) const override;
  Status may_deploy(const SiteConfig& site) const override;
  Result<Config> config_with(const std::string& domain, const std::string& release_folder) const override;
  Status put_in_force(const std::string& domain, const std::string& release_folder) override;
  void when_applied(std::function<void()> done) override;
  void when_shared(std::function<void()> done) override;
  Result<release::Ownership> owner_of(const SiteConfig& site) const override;
  void answer_applied();
  void answer_shared();
  SourceBundle sources_with(const std::string& domain, const std::string& release_folder) const;
  Result<Config> check(const SourceBundle& sources) const;
  void put_in_force(SourceBundle sources, Config config);
  void keep_releases(SourceBundle& sources) const;

  // upgrade.cc
  bool upgrading() const { return self_check_ || renewals_ > 0; }
  std::string why_no_upgrade() const;
  State save() const;
  void on_self_check(const std::string& binary, const Status& passed);
  Error become(const std::string& binary);
  Status restore(const State& state);
  Status restore_database(const State& state);
  Status restore_sites(const State& state);
  SiteConfig site_config_of(const std::string& domain, const std::string& release) const;
  void renew();
  void end_upgrade(const ReloadOutcome& outcome);

  // dev.cc
  void watch_files();
  void on_edit(const std::string& domain, const std::string& path);

  // stop.cc
  void advance_stop();
  void hurry();
  void finish_stop();

  LogFiles outputs_;
  ProcessGroups groups_;
  Runtime runtime_;
  Strays strays_;
  Notifier notifier_;
  Deployment deployment_;
  LockFile lock_;
  Millis started_at_;
  bool update_scheduled_ = false;
  bool ready_ = false;  // it has served once, or said why it cannot
  bool stopping_ = false;
  bool stopped_ = false;
  Millis stop_began_ = 0;
  Millis workers_end_at_ = 0;  // of a stop; 0: the front or the name server is still there
  int unapplied_ = 0;          // answers to a reload that are still missing
  // An answer to refresh_counters() is missing.
  bool front_uncounted_ = false, nameserver_uncounted_ = false;
  std::string announced_;
  std::vector<std::function<void()>> counter_waiters_;
  ReloadProgress reload_;
  std::vector<std::function<void(const ReloadOutcome&)>> reload_waiters_;
  Alarm reload_due_;
  std::unique_ptr<SelfCheck> self_check_;
  int renewals_ = 0;            // new generations of front and name server that are still on their way
  std::string renewal_errors_;  // lines
  std::vector<UpgradeDone> upgrade_waiters_;
  std::function<void(State&)> on_save_;
  std::function<void()> on_stopped_;
  Alarm counters_due_;
  std::unique_ptr<Database> database_;
  NetworkRole front_;
  NetworkRole nameserver_;
  Fleet fleet_;
  std::map<std::string, Site> sites_;  // also those that only finish: Site::gone() has not come yet
  DatabaseRestart database_restart_;
  Alarm load_due_;
  Alarm applied_due_, shared_due_;
  std::vector<std::function<void()>> applied_waiters_, shared_waiters_;
  Deployer deployer_;                              // after the sites, whose generations call it
  std::map<std::string, FileWatch> file_watches_;  // of sites in dev mode, by domain
};

}  // namespace trimaran
