// Supervisor, deploy: the same site file with another release. A deploy changes that and nothing else: what the site
// file says by now is a reload's business.
#include "release/current.h"
#include "supervisor/app_user.h"
#include "supervisor/folders.h"
#include "supervisor/reach.h"
#include "supervisor/supervisor.h"

namespace trimaran {
namespace {

// As a part of an error, which ends without a newline.
std::string described(const Diagnostics& diagnostics, const SourceBundle& sources) {
  std::string text = format_diagnostics(diagnostics, sources);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

Site* Supervisor::site(const std::string& domain) {
  auto found = sites_.find(domain);
  return found == sites_.end() || !found->second.current() ? nullptr : &found->second;
}

std::string Supervisor::database_of(const SiteConfig& site) const {
  return database_url(deployment_.config, site, runtime_);
}

Status Supervisor::may_deploy(const SiteConfig& site) const {
  if (site.undeployable.empty()) return {};
  return make_error("nothing of " + site.domain + " would come from a release:\n" +
                    described(site.undeployable, deployment_.sources));
}

Result<Config> Supervisor::config_with(const std::string& domain, const std::string& release_folder) const {
  return check(sources_with(domain, release_folder));
}

Status Supervisor::put_in_force(const std::string& domain, const std::string& release_folder) {
  SourceBundle sources = sources_with(domain, release_folder);
  auto config = check(sources);
  if (!config) return std::unexpected(config.error());
  put_in_force(std::move(sources), std::move(*config));
  return {};
}

SourceBundle Supervisor::sources_with(const std::string& domain, const std::string& release_folder) const {
  SourceBundle sources = deployment_.sources;
  sources.look_at_files = true;  // what an upgrade has handed over came without
  if (release_folder.empty())
    sources.releases.erase(domain);
  else
    sources.releases[domain] = release_folder;
  return sources;
}

Result<Config> Supervisor::check(const SourceBundle& sources) const {
  ParsedConfig parsed = parse_config(sources);
  if (!parsed.diagnostics.empty()) return make_error(described(parsed.diagnostics, sources));
  if (Status reachable = check_reach(parsed.config, runtime_); !reachable) return std::unexpected(reachable.error());
  return std::move(parsed.config);
}

// Front and name server swap their snapshots; no connection is touched.
void Supervisor::put_in_force(SourceBundle sources, Config config) {
  sources.note_awaited(config);
  sources.follow(deployment_.sources);
  deployment_.config = std::move(config);
  deployment_.sources = std::move(sources);
  ++deployment_.generation;
  unapplied_ = (front_.up() ? 1 : 0) + (nameserver_.up() ? 1 : 0);
  front_.reload();
  nameserver_.reload();
}

void Supervisor::when_applied(std::function<void()> done) {
  applied_waiters_.push_back(std::move(done));
  // A child that dies meanwhile answers when its successor is ready; one that cannot start shall hold up nobody.
  applied_due_.set(unapplied_ == 0 ? 0 : kAppliedMs, [this] { answer_applied(); });
}

// Its messages are in order: with its numbers it has answered all that was said before. One that is not up will
// be told them before it accepts anybody.
void Supervisor::when_shared(std::function<void()> done) {
  shared_waiters_.push_back(std::move(done));
  shared_due_.set(front_.refresh_counters() ? kAppliedMs : 0, [this] { answer_shared(); });
}

void Supervisor::answer_applied() {
  applied_due_.cancel();
  for (auto& done : std::exchange(applied_waiters_, {})) done();
}

void Supervisor::answer_shared() {
  shared_due_.cancel();
  for (auto& done : std::exchange(shared_waiters_, {})) done();
}

Result<release::Ownership> Supervisor::owner_of(const SiteConfig& site) const {
  auto user = find_app_user(runtime_, site);
  if (!user) return std::unexpected(user.error());
  // The front's group: it reads static files.
  return release::Ownership{user->who.uid, runtime_.app_user.gid, user->who.name};
}

// What is deployed stays deployed; a site that is new to the file may have releases from earlier.
void Supervisor::keep_releases(SourceBundle& sources) const {
  sources.releases = deployment_.sources.releases;
  for (const SiteConfig& site : deployment_.config.sites) sources.releases.try_emplace(site.domain, "");
  for (const std::string& line : release::add_current_releases(sources)) runtime_.say(line);
  std::erase_if(sources.releases, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace trimaran
