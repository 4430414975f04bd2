// Which release of each site a start serves.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace trimaran::release {

// Fills SourceBundle::releases from what each site's `current` says; a site that is in it already stays as it is. Where
// `current` is damaged or its release is gone, the newest good release takes its place, or without any the site's own
// folder. Returns what has to be said about that, one line each.
std::vector<std::string> add_current_releases(SourceBundle& sources);

}  // namespace trimaran::release
