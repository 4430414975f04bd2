// Supervisor, dev mode ([app] dev): an edit takes the place of the code before it at once. Requests wait for its first
// worker, and when it cannot be started they are told why, until the next edit.
//
// Rejected: a proof beside the code before it, as every other change has it. Whoever saves a file wants to see that
// file, or what is wrong with it; an answer of the old code is a riddle.
#include <algorithm>

#include "supervisor/folders.h"
#include "supervisor/supervisor.h"

namespace trimaran {
namespace {

// Static files are read anew by themselves; the state folder changes with every request.
std::vector<std::string> not_code(const Config& config, const SiteConfig& site) {
  std::vector<std::string> out = {config.state_dir, config.run_dir, site.state_dir, site.root};
  for (const RouteConfig& route : site.routes) out.push_back(route.files);
  return out;
}

}  // namespace

void Supervisor::watch_files() {
  file_watches_.clear();
  for (const SiteConfig& site : deployment_.config.sites) {
    if (!site.app || !site.app->dev || site.awaits_release) continue;
    auto on_change = [this, domain = site.domain](const std::string& path) { on_edit(domain, path); };
    auto [entry, _] =
        file_watches_.try_emplace(site.domain, runtime_.loop, not_code(deployment_.config, site), on_change);
    if (Status watched = entry->second.watch(site.app->directory); !watched) {
      runtime_.say(site.domain + ": " + watched.error().message);
    } else if (!entry->second.complete()) {
      runtime_.say(site.domain + ": " + site.app->directory +
                   " has more folders than can be watched; edits in some of them are not seen");
    }
  }
}

void Supervisor::on_edit(const std::string& domain, const std::string& path) {
  const auto& sites = deployment_.config.sites;
  auto config = std::find_if(sites.begin(), sites.end(), [&](const SiteConfig& s) { return s.domain == domain; });
  auto found = sites_.find(domain);
  if (stopping_ || config == sites.end() || !config->app || found == sites_.end()) return;
  runtime_.say(path + " has changed: starting " + domain + " with it");
  found->second.replace(*config, database_url(deployment_.config, *config, runtime_));
}

}  // namespace trimaran
