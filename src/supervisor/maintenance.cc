// Supervisor, maintenance: what the front says about its workers, and the changes that need no new configuration:
// pause, resume, a restart of the database server.
#include <algorithm>

#include "base/strings.h"
#include "supervisor/supervisor.h"

namespace trimaran {
namespace {

constexpr Millis kLoadMs = 1'000;  // between two questions about the load; an import takes about as long

size_t number(const Message& message, const char* field) { return parse_u64(message.field(field)).value_or(0); }

}  // namespace

void Supervisor::on_front_says(const Message& message) {
  auto found = sites_.find(message.field("site"));
  if (found == sites_.end()) return;
  if (message.verb == "hung") {
    found->second.on_hung(message.field("worker"),
                          "it let a request run into its timeout: " + message.field("request"));
  } else if (message.verb == "given-up") {
    found->second.on_hung(message.field("worker"), "the front has given it up; the front's line in the log says why");
  } else if (message.verb == "load") {
    SiteLoad load{.busy = number(message, "busy"), .queued = number(message, "queued")};
    found->second.on_load(load);
    database_restart_.on_load(found->first, load);
  }
}

void Supervisor::watch_load() {
  bool wanted = std::any_of(sites_.begin(), sites_.end(), [](const auto& entry) {
    return entry.second.current() && entry.second.current()->autoscales();
  });
  if (!wanted) return load_due_.cancel();
  if (load_due_.armed()) return;
  load_due_.set(kLoadMs, [this] {
    fleet_.front.ask_load();
    watch_load();
  });
}

ReloadOutcome Supervisor::pause(const std::string& domain, bool paused) {
  std::string done;
  for (auto& [name, site] : sites_) {
    if (!site.current() || (!domain.empty() && name != domain)) continue;
    paused ? site.pause(Site::PausedBy::user) : site.resume(Site::PausedBy::user);
    done += (done.empty() ? "" : ", ") + name;
  }
  if (done.empty())
    return {1, domain.empty() ? "no site has an application" : "no site " + domain + " has an application"};
  std::string text = done + (paused ? ": requests for the application wait" : ": requests go on");
  runtime_.say(text);
  return {0, text, true};
}

bool Supervisor::site_uses_server(const Site& site) const {
  return site.current() && site.current()->site().database.engine == Engine::mariadb;
}

DatabaseRestart::Hooks Supervisor::restart_hooks() {
  DatabaseRestart::Hooks hooks;
  hooks.ask_load = [this] { fleet_.front.ask_load(); };
  hooks.pause = [this](bool paused) {
    for (auto& [domain, site] : sites_) {
      if (!paused) {
        site.resume(Site::PausedBy::database);
      } else if (site_uses_server(site)) {
        site.pause(Site::PausedBy::database);
      }
    }
  };
  return hooks;
}

void Supervisor::restart_database(DatabaseRestart::Done done) {
  if (!database_ || stopping_) return done({1, "no database server runs here (engine sqlite has none)"});
  if (database_restart_.running()) return done({1, "the database server is being restarted already"});
  if (!database_->serving()) return done({1, "the database server does not serve: " + database_->reason()});
  std::set<std::string> users;
  for (const auto& [domain, site] : sites_) {
    if (site_uses_server(site)) users.insert(domain);
  }
  runtime_.say("mariadbd is restarted; requests wait meanwhile");
  database_restart_.begin(*database_, std::move(users), std::move(done));
}

}  // namespace trimaran
