// The folders and files that must be there before anything starts, with the owners they need when we are root.
#pragma once

#include "config/config.h"
#include "supervisor/runtime.h"

namespace trimaran {

// The state and run folders. They stay ours: no child may replace the control socket or the locks.
Status prepare_folders(const Config& config);
// The folder of one site, the application's own and closed to others, and its SQLite file when it uses one.
Status prepare_site(const SiteConfig& site, const Runtime& runtime);
// DATABASE_URL of the site's workers.
std::string database_url(const Config& config, const SiteConfig& site, const Runtime& runtime);

}  // namespace trimaran
