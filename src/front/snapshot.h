// One configuration as one thread serves it: sites, routes and handlers. Never changed once made; a reload makes
// another one, and requests that are under way end with the one they began with.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "front/apps.h"
#include "front/file_cache.h"
#include "front/router.h"

namespace trimaran::front {

struct Site {
  const SiteConfig* config = nullptr;
  Router router;
  Router
      files;  // the routes with files, internal ones too, for X-Accel-Redirect: never an application, so never a loop
  std::vector<std::unique_ptr<Handler>> handlers;
};

class Snapshot {
 public:
  Snapshot(const Config& config, FileCache& cache, Apps& apps);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  const LimitsConfig& limits() const { return config_.limits; }
  // The site that serves `host` (as sent, without port), or nullptr (then 421). A single site also answers for no
  // host, an IP address and localhost, so that a machine can be looked at before its name points to it.
  const Site* find_site(std::string_view host) const;

  // Requests under way with this snapshot; it may be deleted when it is not the current one and this is 0.
  int users = 0;

 private:
  static void build_awaiting(Site& site);
  void build_site(Site& site, FileCache& cache, Apps& apps);

  Config config_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::unordered_map<std::string_view, const Site*> by_host_;  // the names are the configuration's
};

}  // namespace trimaran::front
