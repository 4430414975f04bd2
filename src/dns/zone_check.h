// What must hold between the records of a zone. The same mistakes that named-checkzone and kzonecheck refuse, each
// with the line it comes from, found before the zone is served.
#pragma once

#include <span>
#include <string>

#include "base/diagnostic.h"
#include "dns/name.h"
#include "dns/zone_text.h"

namespace trimaran::dns {

class Zone;

// Both append to `mistakes` and tell whether they found none.
bool check_owners(const Name& apex, const ZoneDraft& draft, Diagnostics& mistakes);
bool check_zone(const Zone& zone, std::span<const std::string> files, Diagnostics& mistakes);

// What check_zone() finds in records that are there, of a zone from which some are missing because of other mistakes.
void check_contradictions(const Zone& zone, std::span<const std::string> files, Diagnostics& mistakes);

}  // namespace trimaran::dns
