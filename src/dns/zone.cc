#include "dns/zone.h"

#include <algorithm>
#include <cstring>

#include "dns/rdata.h"
#include "dns/zone_check.h"

namespace trimaran::dns {

const RrSet* Node::find(Type type) const {
  for (const RrSet& set : sets) {
    if (set.type == type) return &set;
  }
  return nullptr;
}

std::optional<Zone> Zone::build(const Name& apex, ZoneDraft draft, Diagnostics& mistakes) {
  Zone zone;
  zone.apex_ = Name(apex).lowered();
  bool good = draft.mistakes.empty();
  mistakes.insert(mistakes.end(), draft.mistakes.begin(), draft.mistakes.end());
  good &= check_owners(zone.apex_, draft, mistakes);
  // A line that is missing because it has a mistake makes no second one; what stands there is looked at all the same.
  if (!good) {
    std::erase_if(draft.records, [&](const Record& r) { return !is_at_or_below(r.owner.wire(), zone.apex()); });
    zone.arrange(std::move(draft.records));
    check_contradictions(zone, draft.files, mistakes);
    return std::nullopt;
  }
  zone.arrange(std::move(draft.records));
  if (!check_zone(zone, draft.files, mistakes)) return std::nullopt;
  zone.soa_ = zone.nodes_[0].find(Type::SOA);
  return zone;
}

// Numbers the names in order of appearance, apex first, with every empty non-terminal between a name and the apex
// (RFC 4592 section 2.2.2), then orders the records by that number, type and data.
void Zone::arrange(std::vector<Record> records) {
  std::vector<WireName> names;  // by node number; they point into `records` or the apex until make_sets()
  auto number_of = [&](WireName name) {
    uint64_t hash = hash_bytes(name);
    uint32_t found = index_.find(hash, [&](uint32_t i) { return names[i] == name; });
    if (found != HashIndex::kNone) return std::pair(found, false);
    index_.insert(hash, static_cast<uint32_t>(names.size()));
    names.push_back(name);
    return std::pair(static_cast<uint32_t>(names.size() - 1), true);
  };
  number_of(apex_.wire());
  std::vector<SortKey> keys;
  keys.reserve(records.size());
  for (uint32_t i = 0; i < records.size(); ++i) {
    auto [node, is_new] = number_of(records[i].owner.wire());
    keys.push_back({node, static_cast<uint16_t>(records[i].type), i});
    for (WireName name = records[i].owner.wire(); is_new;) {
      name = parent_of(name);
      is_new = number_of(name).second;
    }
  }
  place(std::move(keys), records);
  nodes_.resize(names.size());
  make_sets();
}

// RFC 2181 section 5: a set holds each RDATA once. The first one stated stays, with the lowest TTL.
void Zone::place(std::vector<SortKey> keys, std::vector<Record>& records) {
  std::vector<std::string> lowered(records.size());
  for (size_t i = 0; i < records.size(); ++i) lowered[i] = lowered_rdata(records[i].type, records[i].rdata);
  auto data = [&](uint32_t i) -> std::string_view { return lowered[i].empty() ? records[i].rdata : lowered[i]; };
  std::sort(keys.begin(), keys.end(), [&](const SortKey& a, const SortKey& b) {
    if (a.node != b.node) return a.node < b.node;
    if (a.type != b.type) return a.type < b.type;
    int order = data(a.record).compare(data(b.record));
    return order != 0 ? order < 0 : a.record < b.record;
  });
  records_.reserve(records.size());
  const SortKey* last = nullptr;  // the one that records_.back() came from
  std::string last_data;
  for (const SortKey& key : keys) {
    Record& record = records[key.record];
    if (last != nullptr && last->node == key.node && last->type == key.type && data(key.record) == last_data) {
      records_.back().ttl = std::min(records_.back().ttl, record.ttl);
      continue;
    }
    last = &key;
    last_data = data(key.record);
    records_.push_back(std::move(record));
  }
}

void Zone::make_sets() {
  struct Extent {
    size_t first, count;
  };
  std::vector<Extent> extents;  // of each node that has records, into sets_
  for (size_t i = 0; i < records_.size();) {
    size_t end = i + 1;
    uint32_t ttl = records_[i].ttl;  // RFC 2181 section 5.2: one TTL for the set, the lowest stated
    for (; end < records_.size() && records_[end].type == records_[i].type && records_[end].owner == records_[i].owner;
         ++end) {
      ttl = std::min(ttl, records_[end].ttl);
    }
    bool new_node = i == 0 || !(records_[i].owner == records_[i - 1].owner);
    if (new_node) extents.push_back({sets_.size(), 0});
    sets_.push_back({records_[i].type, ttl, std::span(records_).subspan(i, end - i)});
    ++extents.back().count;
    i = end;
  }
  // The names moved with their records, so the index is made again over names that stay.
  index_ = HashIndex();
  size_t count = 0;
  auto add = [&](WireName name) -> Node* {
    uint64_t hash = hash_bytes(name);
    if (index_.find(hash, [&](uint32_t i) { return nodes_[i].name == name; }) != HashIndex::kNone) return nullptr;
    index_.insert(hash, static_cast<uint32_t>(count));
    nodes_[count].name = name;
    return &nodes_[count++];
  };
  // A node's name must not point into apex_, whose bytes move with the zone. (Without records there, there is no zone.)
  bool apex_first = !records_.empty() && records_[0].owner == apex_;
  add(apex_first ? records_[0].owner.wire() : apex_.wire());
  for (const Extent& extent : extents) {
    std::span<const RrSet> sets = std::span(sets_).subspan(extent.first, extent.count);
    WireName name = sets[0].records[0].owner.wire();
    Node* node = add(name);
    if (node == nullptr)
      node = &nodes_[index_.find(hash_bytes(name), [&](uint32_t i) { return nodes_[i].name == name; })];
    node->sets = sets;
    node->is_cut = name.size() != apex_.wire().size() && node->find(Type::NS) != nullptr;
    while (node != &nodes_[0] && (node = add(name = parent_of(name))) != nullptr) {
    }
  }
}

uint32_t Zone::negative_ttl() const {
  const Record& record = soa_->records[0];
  return std::min(soa_->ttl, read_u32(record.rdata, record.rdata.size() - 4));
}

const Node* Zone::find(WireName lower_name) const {
  uint32_t at = index_.find(hash_bytes(lower_name), [&](uint32_t i) { return nodes_[i].name == lower_name; });
  return at == HashIndex::kNone ? nullptr : &nodes_[at];
}

Match Zone::lookup(WireName lower_name, Type qtype) const {
  std::array<uint8_t, kMaxLabels> starts;
  size_t labels = label_starts(lower_name, starts);
  size_t above = 0;  // how many labels of the name are below the apex
  while (above < labels && lower_name.size() - starts[above] > apex_.wire().size()) ++above;
  const Node* encloser = &nodes_[0];
  for (size_t i = above; i-- > 0;) {
    if (encloser->find(Type::DNAME) != nullptr) return {Match::Kind::dname, encloser};  // RFC 6672 section 2.3
    const Node* node = find(lower_name.substr(starts[i]));
    if (node == nullptr) return below(*encloser);
    // RFC 4035 section 3.1.4.1: the DS of a cut is the parent's own data.
    if (node->is_cut && !(i == 0 && qtype == Type::DS)) return {Match::Kind::delegation, node};
    encloser = node;
  }
  return {Match::Kind::exact, encloser};
}

// RFC 4592 section 3.3.1: the source of synthesis is the wildcard directly below the closest encloser, or nothing.
Match Zone::below(const Node& encloser) const {
  std::array<char, kMaxNameBytes + 2> name{1, '*'};
  std::memcpy(name.data() + 2, encloser.name.data(), encloser.name.size());
  const Node* source = find({name.data(), encloser.name.size() + 2});
  if (source == nullptr) return {Match::Kind::missing, nullptr};
  return {Match::Kind::wildcard, source};
}

std::string zone_to_text(const Zone& zone) {
  std::string out;
  for (const Node& node : zone.nodes()) {
    std::string name = name_to_text(node.name);
    for (const RrSet& set : node.sets) {
      std::string head = name + " " + std::to_string(set.ttl) + " IN " + type_to_text(set.type) + " ";
      for (const Record& record : set.records) out += head + rdata_to_text(set.type, record.rdata) + "\n";
    }
  }
  return out;
}

}  // namespace trimaran::dns
