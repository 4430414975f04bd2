// One immutable zone. Records lie in one array, ordered by name and type, so that an RRset is a span of records and a
// node is a span of RRsets; names are found by a hash. A tree of labels was rejected: a lookup would chase a pointer
// per label, while here the usual question costs one probe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "dns/hash_index.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/zone_text.h"

namespace trimaran::dns {

struct RrSet {
  Type type = Type::A;
  uint32_t ttl = 0;
  std::span<const Record> records;
};

struct Node {
  WireName name;                // lower case
  std::span<const RrSet> sets;  // ordered by type; none: an empty non-terminal (RFC 4592 section 2.2.2)
  bool is_cut = false;          // a delegation: NS below the apex

  const RrSet* find(Type type) const;
};

struct Match {
  enum class Kind {
    exact,       // node is the name itself
    wildcard,    // node is the source of synthesis (RFC 4592 section 3.3.1)
    delegation,  // node is the zone cut at or above the name
    dname,       // node is above the name and has a DNAME
    missing,     // the name does not exist
  };
  Kind kind = Kind::missing;
  const Node* node = nullptr;
};

class Zone {
 public:
  // Takes the records of the draft that belong to the zone. Every mistake goes to `mistakes`: a broken SOA or NS at
  // the apex, names outside, CNAME beside other data, missing glue, targets that are aliases. No zone if there is one.
  static std::optional<Zone> build(const Name& apex, ZoneDraft draft, Diagnostics& mistakes);

  Zone(Zone&&) = default;
  Zone& operator=(Zone&&) = default;
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

  WireName apex() const { return apex_.wire(); }
  const RrSet& soa() const { return *soa_; }
  uint32_t negative_ttl() const;  // RFC 2308 section 5: min(TTL of the SOA, its minimum)
  std::span<const Node> nodes() const { return nodes_; }
  size_t record_count() const { return records_.size(); }

  // The node of exactly this lower-case name, whatever is above it.
  const Node* find(WireName lower_name) const;
  // RFC 1034 section 4.3.2 step 3 for a lower-case name at or below the apex.
  Match lookup(WireName lower_name, Type qtype) const;

 private:
  // The place of a record inside the zone. Names count as numbers: comparing 100,000 of them pairwise took longer than
  // parsing them.
  struct SortKey {
    uint32_t node;
    uint16_t type;
    uint32_t record;
  };

  Zone() = default;
  void arrange(std::vector<Record> records);
  void place(std::vector<SortKey> keys, std::vector<Record>& records);
  void make_sets();
  Match below(const Node& encloser) const;

  Name apex_;
  std::vector<Record> records_;
  std::vector<RrSet> sets_;
  std::vector<Node> nodes_;
  HashIndex index_;
  const RrSet* soa_ = nullptr;
};

// Every record on a line of its own with absolute names: zone text again.
std::string zone_to_text(const Zone& zone);

}  // namespace trimaran::dns
