#include "supervisor/deploy.h"

#include <fmt/format.h>

#include <algorithm>

namespace trimaran {

Result<const SiteConfig*> Deployer::find(const std::string& domain) const {
  const auto& sites = host_.config().sites;
  if (stopping_) return make_error("trimaran is stopping");
  if (domain.empty() && sites.size() == 1) return &sites.front();
  std::string names;
  for (const SiteConfig& site : sites) {
    if (site.domain == domain) return &site;
    names += (names.empty() ? "" : ", ") + site.domain;
  }
  return make_error(
      (domain.empty() ? "which site? name it with --site: " : "there is no site " + domain + "; there is: ") + names);
}

DeployRun* Deployer::run_of(const std::string& domain) const {
  auto found = runs_.find(domain);
  return found == runs_.end() || found->second->finished() ? nullptr : found->second.get();
}

Status Deployer::free(const std::string& domain) {
  if (DeployRun* run = run_of(domain)) return make_error(domain + " is being changed already: " + run->step());
  return {};
}

void Deployer::begin(const std::string& domain, DeployRun::Plan plan, DeployListener listener) {
  auto& run = runs_[domain];
  run = std::make_unique<DeployRun>(runtime_, host_, std::move(plan), std::move(listener));
  run->start();
}

Status Deployer::deploy(const DeployRequest& request, DeployListener listener) {
  auto site = find(request.domain);
  if (!site) return std::unexpected(site.error());
  const std::string domain = (*site)->domain;
  if (Status may = free(domain); !may) return may;
  if (request.canary < 0 || request.canary > 99) return make_error("--canary takes 1% to 99%");
  if (request.canary > 0 && !host_.site(domain)) {
    return make_error(domain + " has no application: a canary is a share of its requests");
  }
  if (Status may = host_.may_deploy(**site); !may) return may;
  begin(domain, {.domain = domain, .source = request.source, .canary = request.canary}, std::move(listener));
  return {};
}

Status Deployer::roll_back(const std::string& domain, const std::string& id, DeployListener listener) {
  auto site = find(domain);
  if (!site) return std::unexpected(site.error());
  const std::string now = release_id_of(**site), name = (*site)->domain;
  DeployRun* run = run_of(name);
  if (run && run->canary() > 0 && (id.empty() || id == now)) {
    std::string canary = run->release_id();
    run->abandon();
    host_.when_shared([listener = std::move(listener), canary] {
      listener.done({0, fmt::format("the canary, release {}, gets no more requests", canary)});
    });
    return {};
  }
  if (Status may = free(name); !may) return may;
  release::ReleaseStore store((*site)->state_dir);
  release::Release target{.id = id};
  if (id.empty()) {
    if (now.empty() && store.list().empty()) return make_error("nothing was deployed yet");
    if (now.empty()) {
      return make_error(
          "the site's own folder serves, and there is nothing behind it; trimaran rollback RELEASE goes to one that "
          "trimaran releases lists");
    }
    target.id = store.previous();
  }
  if (target.id == now) return make_error("release " + now + " serves already");
  if (!target.id.empty()) {
    auto releases = store.list();
    auto found = std::find_if(releases.begin(), releases.end(), [&](const auto& r) { return r.id == target.id; });
    if (found == releases.end()) return make_error("there is no release " + id + "; trimaran releases lists them");
    target = *found;
  }
  begin(name, {.domain = name, .target = std::move(target), .copies = false}, std::move(listener));
  return {};
}

Status Deployer::promote(const std::string& domain, DeployListener listener) {
  auto site = find(domain);
  if (!site) return std::unexpected(site.error());
  DeployRun* run = run_of((*site)->domain);
  if (run && run->canary() > 0) {
    run->promote(std::move(listener));
    return {};
  }
  if (run) return free((*site)->domain);
  return make_error((*site)->domain + " has no canary; trimaran deploy DIR --canary 10% starts one");
}

Result<std::vector<ReleaseReport>> Deployer::releases(const std::string& domain) const {
  auto site = find(domain);
  if (!site) return std::unexpected(site.error());
  const std::string now = release_id_of(**site);
  const Site* running = host_.site((*site)->domain);
  const DeployRun* run = run_of((*site)->domain);
  std::vector<ReleaseReport> out;
  for (release::Release& release : release::ReleaseStore((*site)->state_dir).list()) {
    ReleaseReport report{std::move(release), ""};
    const std::string& id = report.release.id;
    report.release.current = id == now;
    if (id == now) {
      report.state = "serving";
    } else if (run && run->canary() > 0 && run->release_id() == id) {
      report.state = fmt::format("canary {} %", run->canary());
    } else if (running && running->warm() && release_id_of(running->warm()->site()) == id) {
      report.state = "warm";
    }
    out.push_back(std::move(report));
  }
  return out;
}

bool Deployer::busy() const {
  return std::any_of(runs_.begin(), runs_.end(),
                     [](const auto& entry) { return !entry.second->finished() && entry.second->canary() == 0; });
}

void Deployer::advance() {
  for (auto& [domain, run] : runs_) run->advance();
  // After what its generation may still have to tell it (Site::fail_next()), which was deferred earlier.
  bool any_over = std::any_of(runs_.begin(), runs_.end(), [](const auto& entry) { return entry.second->over(); });
  if (!any_over) return;
  runtime_.loop.defer([this] { std::erase_if(runs_, [](const auto& entry) { return entry.second->over(); }); });
}

void Deployer::stop() {
  stopping_ = true;
  for (auto& [domain, run] : runs_) run->stop();  // they stay: a generation may still have to tell one that it failed
}

}  // namespace trimaran
