#include "dns/zone_set.h"

#include "base/assert.h"

namespace trimaran::dns {

ZoneSet::ZoneSet(std::vector<Zone> zones) : zones_(std::move(zones)) {
  for (uint32_t i = 0; i < zones_.size(); ++i) {
    const Zone* other = closest(zones_[i].apex());
    TRIMARAN_ASSERT(other == nullptr || other->apex() != zones_[i].apex());
    by_apex_.insert(hash_bytes(zones_[i].apex()), i);
  }
}

const Zone* ZoneSet::find(WireName lower_name, Type qtype) const {
  const Zone* zone = closest(lower_name);
  if (zone != nullptr && qtype == Type::DS && zone->apex().size() == lower_name.size() && !is_root(lower_name)) {
    const Zone* parent = closest(parent_of(lower_name));
    if (parent != nullptr) return parent;
  }
  return zone;
}

const Zone* ZoneSet::closest(WireName lower_name) const {
  for (WireName name = lower_name;; name = parent_of(name)) {
    uint32_t at = by_apex_.find(hash_bytes(name), [&](uint32_t i) { return zones_[i].apex() == name; });
    if (at != HashIndex::kNone) return &zones_[at];
    if (is_root(name)) return nullptr;
  }
}

}  // namespace trimaran::dns
