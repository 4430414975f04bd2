#include "dns/answer.h"

#include <algorithm>
#include <cstring>

#include "dns/rdata.h"

namespace trimaran::dns {
namespace {

class Answerer {
 public:
  Answerer(const ZoneSet& zones, Type qtype, MessageWriter& writer) : zones_(zones), qtype_(qtype), writer_(writer) {}

  Verdict run(WireName qname) {
    const Zone* zone = zones_.find(qname, qtype_);
    if (zone == nullptr) return {Rcode::REFUSED, false, false};
    verdict_.authoritative = true;
    hold(qname);
    while (zone != nullptr && step(*zone)) zone = zones_.find(name(), qtype_);
    return verdict_;
  }

 private:
  WireName name() const { return {names_[current_].data(), name_sizes_[current_]}; }

  // Makes `next` the name to look for; false when it was looked for before or the steps are used up.
  bool hold(WireName next) {
    std::array<char, kMaxNameBytes> lower;
    lower_bytes(next, lower.data());
    next = {lower.data(), next.size()};
    for (size_t i = 0; i < held_; ++i) {
      if (WireName(names_[i].data(), name_sizes_[i]) == next) return false;
    }
    if (held_ == names_.size()) return false;
    std::memcpy(names_[held_].data(), next.data(), next.size());
    name_sizes_[held_] = next.size();
    current_ = held_++;
    return true;
  }

  // One round of RFC 1034 section 4.3.2; true when an alias leads to another name.
  bool step(const Zone& zone) {
    Match match = zone.lookup(name(), qtype_);
    switch (match.kind) {
      case Match::Kind::delegation:
        refer(zone, *match.node);
        return false;
      case Match::Kind::dname:
        return follow_dname(*match.node);
      case Match::Kind::missing:
        verdict_.rcode = Rcode::NXDOMAIN;  // of the last name of a chain: RFC 6604 section 3
        deny(zone);
        return false;
      case Match::Kind::exact:
      case Match::Kind::wildcard:
        break;
    }
    const RrSet* cname = match.node->find(Type::CNAME);
    if (cname != nullptr && qtype_ != Type::CNAME && qtype_ != Type::ANY) return follow_cname(*cname);
    const RrSet* set = wanted(*match.node);
    if (set == nullptr) {
      deny(zone);
    } else if (answer(*set, name())) {
      add_hosts(zone, *set);
    }
    return false;
  }

  // RFC 8482 section 4.1: one RRset is enough for ANY.
  const RrSet* wanted(const Node& node) const {
    if (qtype_ != Type::ANY) return node.find(qtype_);
    return node.sets.empty() ? nullptr : &node.sets[0];
  }

  bool answer(const RrSet& set, WireName owner) {
    if (writer_.add_set(Section::answer, owner, set)) return true;
    verdict_.truncated = true;
    return false;
  }

  bool follow_cname(const RrSet& cname) { return answer(cname, name()) && hold(cname.records[0].rdata); }

  // RFC 6672 section 3.2: the DNAME itself, then a CNAME made from it.
  bool follow_dname(const Node& node) {
    const RrSet& dname = *node.find(Type::DNAME);
    if (!answer(dname, node.name)) return false;
    WireName target = dname.records[0].rdata;
    WireName kept = name().substr(0, name().size() - node.name.size());
    if (kept.size() + target.size() > kMaxNameBytes) {
      verdict_.rcode = Rcode::YXDOMAIN;
      return false;
    }
    std::array<char, kMaxNameBytes> bytes;
    std::memcpy(bytes.data(), kept.data(), kept.size());
    std::memcpy(bytes.data() + kept.size(), target.data(), target.size());
    WireName made(bytes.data(), kept.size() + target.size());
    if (!writer_.add_record(Section::answer, name(), Type::CNAME, dname.ttl, made)) {
      verdict_.truncated = true;
      return false;
    }
    if (qtype_ == Type::CNAME) return false;  // the made CNAME is the answer (Knot does the same)
    return hold(made);
  }

  void deny(const Zone& zone) {  // RFC 2308 section 3
    if (!writer_.add_set(Section::authority, zone.apex(), zone.soa(), zone.negative_ttl())) verdict_.truncated = true;
  }

  void refer(const Zone& zone, const Node& cut) {
    if (held_ == 1) verdict_.authoritative = false;  // behind an alias AA speaks of the alias (RFC 1035 section 4.1.1)
    const RrSet& servers = *cut.find(Type::NS);
    if (!writer_.add_set(Section::authority, cut.name, servers)) {
      verdict_.truncated = true;
      return;
    }
    // RFC 4035 section 3.1.4.1: the DS, if there is one, belongs to the referral; without signatures nobody needs it.
    glue_from_ = &cut;
    add_hosts(zone, servers);
  }

  // RFC 1034 section 4.3.2 step 6: addresses of the hosts that the set points to.
  void add_hosts(const Zone& zone, const RrSet& set) {
    std::array<const Node*, kMaxAdditionalHosts> added;
    size_t count = 0;
    for (const Record& record : set.records) {
      WireName target = rdata_target(record.type, record.rdata);
      if (target.empty() || record.type == Type::CNAME || record.type == Type::PTR || record.type == Type::DNAME)
        return;
      std::array<char, kMaxNameBytes> lower;
      lower_bytes(target, lower.data());
      target = {lower.data(), target.size()};
      if (!is_at_or_below(target, zone.apex())) continue;
      const Node* host = zone.find(target);
      if (host == nullptr || count == added.size()) continue;
      if (std::find(added.begin(), added.begin() + count, host) != added.begin() + count) continue;
      added[count++] = host;
      add_addresses(*host);
    }
  }

  void add_addresses(const Node& host) {
    for (Type type : {Type::A, Type::AAAA}) {
      const RrSet* set = host.find(type);
      if (set == nullptr || writer_.add_set(Section::additional, host.name, *set)) continue;
      // RFC 9471 section 3: glue of a referral is not optional. Other addresses are.
      if (glue_from_ != nullptr && is_at_or_below(host.name, glue_from_->name)) verdict_.truncated = true;
    }
  }

  const ZoneSet& zones_;
  Type qtype_;
  MessageWriter& writer_;
  Verdict verdict_;
  const Node* glue_from_ = nullptr;
  // Every name of the chain, in lower case: the question's, then one a step.
  std::array<std::array<char, kMaxNameBytes>, kMaxAliasSteps + 1> names_;
  std::array<size_t, kMaxAliasSteps + 1> name_sizes_;
  size_t held_ = 0;
  size_t current_ = 0;
};

}  // namespace

Verdict answer_question(const ZoneSet& zones, WireName lower_qname, Type qtype, MessageWriter& writer) {
  return Answerer(zones, qtype, writer).run(lower_qname);
}

}  // namespace trimaran::dns
