// `trimaran db shell`: the engine's own client on the site's database.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace trimaran {

// The command to execute; an error names the missing package.
Result<std::vector<std::string>> database_shell(const Config& config, const SiteConfig& site);

}  // namespace trimaran
