// Supervisor, upgrade: another version of our program takes our place in our process. It is asked first whether it
// could (self_check.h). Then all that we know goes into a memfd, what we hold stays open, and execve(2) does the rest:
// the children keep their parent, the listeners their backlog, systemd its main process. The new program starts a front
// and a name server of its own version beside the old ones, which hand over (network_role.h); workers and database
// never notice.
//
// Rejected: a second supervisor beside the first. Children cannot be given away, a lock and a pid have one owner, and
// nginx's dance of pid files and signals is what a script gets wrong (facts: USR2 with a relative path is an outage).
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "supervisor/folders.h"
#include "supervisor/supervisor.h"

namespace trimaran {
namespace {

// Names of environment variables that the next program must not inherit: systemd's sockets are in the state.
bool is_ours(const std::string& variable) {
  return variable.starts_with("LISTEN_PID=") || variable.starts_with("LISTEN_FDS=") ||
         variable.starts_with("LISTEN_FDNAMES=") || variable.starts_with(std::string(kStateVariable) + "=");
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

// "" when an upgrade may begin. What is on its way has a story in memory that is not worth writing down.
std::string Supervisor::why_no_upgrade() const {
  if (stopping_) return "trimaran is stopping";
  if (upgrading()) return "another upgrade is under way";
  if (!ready_) return "trimaran is still starting";
  if (deployer_.busy()) return "a deploy is under way";
  for (const auto& [domain, site] : sites_) {
    if (site.canary() > 0) {
      return "a canary of " + domain + " gets " + std::to_string(site.canary()) +
             " % of the requests; end it first: trimaran promote or trimaran rollback";
    }
    if (site.next()) return "the site " + domain + " is getting a new generation (a deploy or a reload)";
  }
  if (unapplied_ > 0) return "a reload is under way";
  if (!reload_.done()) return "not all workers of " + *reload_.pending().begin() + " serve yet; try again in a moment";
  if (database_restart_.running()) return "the database server is being restarted";
  if (database_ && !database_->settled()) return "the database server's folder is being prepared";
  return "";
}

void Supervisor::upgrade(std::string binary, UpgradeDone done) {
  if (std::string why = why_no_upgrade(); !why.empty()) return done({1, why});
  if (binary.empty()) binary = runtime_.started_from;
  auto state = make_memfd("trimaran-state", save().encode());
  if (!state) return done({1, state.error().message});
  upgrade_waiters_.push_back(std::move(done));
  runtime_.say("upgrade: asking " + binary + " whether it could take over");
  self_check_ = std::make_unique<SelfCheck>(runtime_, binary, std::move(*state),
                                            [this, binary](const Status& passed) { on_self_check(binary, passed); });
}

void Supervisor::on_self_check(const std::string& binary, const Status& passed) {
  self_check_.reset();
  if (stopping_) return;
  std::string error;
  if (!passed)
    error = binary + " failed its self-check: " + passed.error().message;
  else if (std::string why = why_no_upgrade(); !why.empty())
    error = why;
  else
    error = become(binary).message;
  end_upgrade({1, error});
}

// Only an error returns.
Error Supervisor::become(const std::string& binary) {
  State state = save();
  if (on_save_) on_save_(state);
  auto memfd = make_memfd("trimaran-state", state.encode());
  if (!memfd) return memfd.error();
  runtime_.say("upgrade: becoming " + binary);
  notifier_.send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us()));

  std::vector<std::string> arguments = {binary, "run", "-c", deployment_.config.file};
  std::vector<std::string> environment = current_environment();
  std::erase_if(environment, is_ours);
  environment.push_back(std::string(kStateVariable) + "=" + std::to_string(memfd->get()));
  Error error;
  if (Status kept = state.set_inheritable(true); !kept) {
    error = kept.error();
  } else if (::fcntl(memfd->get(), F_SETFD, 0) == 0) {
    ::execve(binary.c_str(), pointers(arguments).data(), pointers(environment).data());
    error = errno_error("cannot execute " + binary).error();
  }
  // As if nothing had been: no child may inherit any of it.
  (void)state.set_inheritable(false);
  notifier_.send("READY=1");
  return error;
}

State Supervisor::save() const {
  State state;
  StateRecord& own = state.add("supervisor").set("executable", runtime_.executable);
  own.set("sources", deployment_.sources.encode()).set("default_user", deployment_.sources.default_user);
  own.set("generation", deployment_.generation).set("started_at", started_at_);
  own.set("workers", fleet_.workers).set("generations", fleet_.generations);
  own.set("lock", lock_.path()).set_fd("lock", lock_.fd()).set("announced", announced_);
  deployment_.listeners.save(state);
  front_.save(state);
  nameserver_.save(state);
  if (database_) database_->save(state);
  for (const auto& [domain, site] : sites_) site.save(state);
  return state;
}

Status Supervisor::resume(const State& state) {
  // Checked as a whole before anything is taken: whoever is taken over halfway is lost.
  if (Status open = state.set_inheritable(false); !open) return open;
  if (Status restored = restore(state); !restored) return restored;
  runtime_.say("upgrade: " + runtime_.executable + " has taken over");
  renewals_ = 2;
  runtime_.loop.defer([this] { renew(); });  // whoever waits for the outcome is not known yet
  return {};
}

Status Supervisor::restore(const State& state) {
  auto own = state.one("supervisor");
  if (!own) return std::unexpected(own.error());
  lock_ = LockFile::adopt((*own)->take_fd("lock"), (*own)->text("lock"));
  deployment_.generation = static_cast<int>((*own)->number("generation", 1));
  started_at_ = (*own)->number("started_at", started_at_);
  announced_ = (*own)->text("announced");
  ready_ = true;
  fleet_.workers = static_cast<int>((*own)->number("workers"));
  fleet_.generations = static_cast<int>((*own)->number("generations"));
  auto listeners = Listeners::adopt(state);
  if (!listeners) return std::unexpected(listeners.error());
  deployment_.listeners = std::move(*listeners);
  for (NetworkRole* role : {&front_, &nameserver_}) {
    if (Status adopted = role->adopt(state); !adopted) return adopted;
  }
  if (Status adopted = restore_database(state); !adopted) return adopted;
  return restore_sites(state);
}

Status Supervisor::restore_database(const State& state) {
  std::vector<MariadbDatabase> databases = mariadb_databases();
  auto records = state.all("database");
  if (databases.empty() && records.empty()) return {};
  database_ = std::make_unique<Database>(runtime_, deployment_.config.state_dir, deployment_.config.run_dir,
                                         [this] { changed(); });
  if (!records.empty()) return database_->adopt(*records[0], std::move(databases));
  database_->start(std::move(databases));  // it did not run: what kept it from that is tried again
  return {};
}

Status Supervisor::restore_sites(const State& state) {
  auto generation_of = [this](const StateRecord& record) {
    SiteConfig config = site_config_of(record.text("site"), record.text("release"));
    std::string url = database_url(deployment_.config, config, runtime_);
    return Generation{static_cast<int>(record.number("generation")), std::move(config), std::move(url)};
  };
  for (const StateRecord* record : state.all("site")) {
    const std::string& domain = record->text("domain");
    Site& site = sites_.try_emplace(domain, fleet_, domain).first->second;
    if (Status adopted = site.adopt(*record, state, generation_of); !adopted) return adopted;
  }
  watch_files();
  changed();
  return {};
}

// What a release of a site runs under the site file in force. An older generation may have been made for an older file;
// it gets today's settings should one of its workers have to be started again, but for what it is (site_state.cc). For
// a site that is none any more, its last workers' name is all that is needed.
SiteConfig Supervisor::site_config_of(const std::string& domain, const std::string& release) const {
  auto find = [&domain](const Config& config) -> const SiteConfig* {
    for (const SiteConfig& site : config.sites) {
      if (site.domain == domain && site.app) return &site;
    }
    return nullptr;
  };
  const SiteConfig* now = find(deployment_.config);
  if (now && now->release == release) return *now;
  SourceBundle sources = deployment_.sources;
  sources.releases[domain] = release;
  if (release.empty()) sources.releases.erase(domain);
  ParsedConfig parsed = parse_config(sources);
  if (const SiteConfig* then = find(parsed.config); then && parsed.diagnostics.empty()) return *then;
  if (now) return *now;
  SiteConfig gone;
  gone.domain = domain;
  gone.app.emplace();
  return gone;
}

void Supervisor::renew() {
  if (stopping_) return;
  auto renewed = [this](const Status& outcome) {
    if (!outcome) renewal_errors_ += (renewal_errors_.empty() ? "" : "\n") + outcome.error().message;
    if (--renewals_ > 0) return;
    notifier_.send("READY=1\nSTATUS=" + overall_state());
    if (renewal_errors_.empty()) return end_upgrade({0, runtime_.executable + " serves"});
    end_upgrade({1, renewal_errors_});
  };
  front_.renew(renewed);
  nameserver_.renew(renewed);
}

void Supervisor::end_upgrade(const ReloadOutcome& outcome) {
  runtime_.say(outcome.exit_code == 0 ? "upgrade: " + outcome.text : "upgrade failed: " + outcome.text);
  for (auto& done : std::exchange(upgrade_waiters_, {})) done(outcome);
}

}  // namespace trimaran
