#include "dns/zone_check.h"

#include <algorithm>
#include <utility>

#include "dns/rdata.h"
#include "dns/zone.h"

namespace trimaran::dns {
namespace {

class ZoneChecker {
 public:
  // `whole`: what is not in the zone is missing there.
  ZoneChecker(const Zone& zone, bool whole, std::span<const std::string> files, Diagnostics& mistakes)
      : zone_(zone), whole_(whole), files_(files), mistakes_(mistakes), before_(mistakes.size()) {}

  bool run() {
    check_apex();
    for (const Node& node : zone_.nodes()) {
      check_node(node);
      for (const RrSet& set : node.sets) {
        for (const Record& record : set.records) check_target(record);
      }
    }
    return mistakes_.size() == before_;
  }

 private:
  void report(const Record& record, std::string message, std::string hint = {}) {
    if (mistakes_.size() - before_ >= kMaxMistakes) return;
    mistakes_.push_back({files_[record.file], static_cast<int>(record.line), 0, std::move(message), std::move(hint)});
  }

  // Where the user would look for the one too many: sets are ordered by their data.
  static const Record& last_of(const RrSet& set) {
    return *std::max_element(set.records.begin(), set.records.end(), [](const Record& a, const Record& b) {
      return std::pair(a.file, a.line) < std::pair(b.file, b.line);
    });
  }

  void check_apex() {
    const Node& apex = zone_.nodes()[0];
    std::string name = name_to_text(zone_.apex());
    std::string file = files_.empty() ? "" : files_[0];
    const RrSet* soa = apex.find(Type::SOA);
    if (soa == nullptr && whole_) mistakes_.push_back({file, 0, 0, "zone " + name + " has no SOA record", ""});
    if (soa != nullptr && soa->records.size() > 1) report(last_of(*soa), "zone " + name + " has a second SOA record");
    if (apex.find(Type::NS) == nullptr && whole_)
      mistakes_.push_back({file, 0, 0, "zone " + name + " has no NS record", ""});
  }

  void check_node(const Node& node) {
    std::string name = name_to_text(node.name);
    bool is_apex = &node == &zone_.nodes()[0];
    const RrSet* cname = node.find(Type::CNAME);
    if (cname != nullptr && node.sets.size() > 1) {  // RFC 2181 section 10.1
      report(cname->records[0], name + " has a CNAME beside other records",
             is_apex ? "the apex always has SOA and NS; give it A and AAAA records" : "keep one or the other");
    }
    if (cname != nullptr && cname->records.size() > 1) {
      report(last_of(*cname), name + " has two CNAME records");
    }
    const RrSet* dname = node.find(Type::DNAME);
    if (dname != nullptr && dname->records.size() > 1) {  // RFC 6672 section 2.4
      report(last_of(*dname), name + " has two DNAME records");
    }
    const RrSet* soa = node.find(Type::SOA);
    if (soa != nullptr && !is_apex) report(soa->records[0], "an SOA record belongs at the apex only");
    const RrSet* ns = node.find(Type::NS);
    if (ns != nullptr && is_wildcard(node.name)) {  // RFC 4592 section 4.2
      report(ns->records[0], "a wildcard cannot be delegated");
    }
    if (!is_apex && !node.sets.empty()) check_hidden_by_dname(node);
  }

  // RFC 6672 section 2.4: nothing may live below a DNAME.
  void check_hidden_by_dname(const Node& node) {
    for (WireName name = node.name; name.size() > zone_.apex().size();) {
      name = parent_of(name);
      const Node* above = zone_.find(name);
      if (above != nullptr && above->find(Type::DNAME) != nullptr) {
        return report(node.sets[0].records[0], "this name is hidden by the DNAME of " + name_to_text(name));
      }
    }
  }

  void check_target(const Record& record) {
    if (record.type != Type::NS && record.type != Type::MX && record.type != Type::SRV) return;
    Name target = Name(rdata_target(record.type, record.rdata)).lowered();
    if (is_root(target.wire()) || !is_at_or_below(target.wire(), zone_.apex())) return;
    std::string name = target.to_text();
    Match match = zone_.lookup(target.wire(), Type::A);
    const Node* node = match.kind == Match::Kind::delegation ? zone_.find(target.wire()) : match.node;
    // RFC 2181 section 10.3, RFC 2782.
    if (match.kind != Match::Kind::delegation && node != nullptr && node->find(Type::CNAME) != nullptr) {
      return report(record, type_to_text(record.type) + " points to " + name + ", which is a CNAME",
                    "point it to the name behind the CNAME");
    }
    if (record.type != Type::NS || match.kind == Match::Kind::dname) return;
    bool has_address = node != nullptr && (node->find(Type::A) != nullptr || node->find(Type::AAAA) != nullptr);
    // A server inside somebody else's cut is that zone's matter, unless it is the cut this very NS makes.
    if (match.kind == Match::Kind::delegation && !same_name(match.node->name, record.owner.wire())) return;
    if (!has_address && whole_) {
      report(record, "name server " + name + " has no A or AAAA record in this zone", "add its address here (glue)");
    }
  }

  const Zone& zone_;
  bool whole_;
  std::span<const std::string> files_;
  Diagnostics& mistakes_;
  size_t before_;
};

}  // namespace

bool check_owners(const Name& apex, const ZoneDraft& draft, Diagnostics& mistakes) {
  size_t before = mistakes.size();
  for (const Record& record : draft.records) {
    if (is_at_or_below(record.owner.wire(), apex.wire())) continue;
    if (mistakes.size() - before >= kMaxMistakes) break;
    mistakes.push_back({draft.files[record.file], static_cast<int>(record.line), 0,
                        record.owner.to_text() + " is outside the zone " + apex.to_text(), ""});
  }
  return mistakes.size() == before;
}

bool check_zone(const Zone& zone, std::span<const std::string> files, Diagnostics& mistakes) {
  return ZoneChecker(zone, true, files, mistakes).run();
}

void check_contradictions(const Zone& zone, std::span<const std::string> files, Diagnostics& mistakes) {
  ZoneChecker(zone, false, files, mistakes).run();
}

}  // namespace trimaran::dns
