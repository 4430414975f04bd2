// All zones of the server; the most specific one answers.
#pragma once

#include <span>
#include <vector>

#include "dns/hash_index.h"
#include "dns/zone.h"

namespace trimaran::dns {

class ZoneSet {
 public:
  // The apexes must differ.
  explicit ZoneSet(std::vector<Zone> zones);

  // The zone that answers for this lower-case name, or null: not ours. The DS of an apex belongs to the parent zone
  // when that is ours too (RFC 4035 section 3.1.4.1).
  const Zone* find(WireName lower_name, Type qtype) const;
  std::span<const Zone> zones() const { return zones_; }

 private:
  const Zone* closest(WireName lower_name) const;

  std::vector<Zone> zones_;
  HashIndex by_apex_;
};

}  // namespace trimaran::dns
