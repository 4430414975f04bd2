// The zone of a site: what follows from trimaran.toml (SOA, NS with glue, the apex addresses, a CNAME for each alias)
// together with the user's own records. The generated part is zone text like the rest, so one parser reads everything
// and `trimaran dns show` prints what is served. Where the user has written a record himself, his wins.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "config/config.h"
#include "dns/zone.h"

namespace trimaran {

// Appends the site's mistakes; no zone when there is one. `below`: the zones of other sites that begin in this one with
// no third in between; it delegates to them.
std::optional<dns::Zone> build_site_zone(const SiteConfig& site, std::span<const dns::Zone* const> below,
                                         Diagnostics& mistakes);

// The mistakes in the zone text of a site whose domain is one already: what would be one under any domain.
void check_zone_text(const SiteConfig& site, Diagnostics& mistakes);

// The zones of all sites that have a domain and no mistake.
std::vector<dns::Zone> build_zones(const Config& config, Diagnostics& mistakes);

}  // namespace trimaran
