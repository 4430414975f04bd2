#include "release/current.h"

#include "release/release_store.h"

namespace trimaran::release {

std::vector<std::string> add_current_releases(SourceBundle& sources) {
  // Where a site keeps its state does not depend on its release; its files do, and are not looked at.
  SourceBundle blind = sources;
  blind.look_at_files = false;
  std::vector<std::string> said;
  const ParsedConfig parsed = parse_config(blind);
  for (const SiteConfig& site : parsed.config.sites) {
    if (site.domain.empty() || sources.releases.contains(site.domain)) continue;
    ReleaseStore store(site.state_dir);
    auto current = store.current();
    std::string id = current.value_or("");
    if (!current) {
      std::vector<Release> good = store.list();
      id = good.empty() ? "" : good.front().id;
      said.push_back(site.domain + ": " + current.error().message + "; " +
                     (id.empty() ? "the site's own folder" : "release " + id + ", the newest good one,") +
                     " serves instead");
    }
    if (!id.empty()) sources.releases[site.domain] = store.folder_of(id);
  }
  return said;
}

}  // namespace trimaran::release
