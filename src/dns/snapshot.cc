#include "dns/snapshot.h"

#include <array>
#include <cstring>

#include "dns/answer.h"
#include "dns/respond.h"

namespace trimaran::dns {
namespace {

constexpr size_t kCountsBytes = 8;
constexpr size_t kMaxCompiledBytes = size_t{1} << 31;  // entries hold 32-bit offsets; beyond it the algorithm answers

uint64_t hash_question(WireName name, Type qtype) { return hash_bytes(name, static_cast<uint64_t>(qtype) << 32); }

void append_u16(std::string& out, uint16_t value) { out += {static_cast<char>(value >> 8), static_cast<char>(value)}; }

}  // namespace

Snapshot::Snapshot(std::vector<Zone> zones) : zones_(std::move(zones)) {
  for (const Zone& zone : zones_.zones()) compile(zone);
  bytes_.shrink_to_fit();
  entries_.shrink_to_fit();
}

// The questions worth compiling: every type that is there, and at an alias both kinds of address.
void Snapshot::compile(const Zone& zone) {
  entries_.reserve(entries_.size() + zone.record_count());
  for (const Node& node : zone.nodes()) {
    for (const RrSet& set : node.sets) {
      compile(node.name, set.type);
      if (set.type != Type::CNAME) continue;
      compile(node.name, Type::A);
      compile(node.name, Type::AAAA);
    }
  }
}

void Snapshot::compile(WireName name, Type qtype) {
  if (bytes_.size() > kMaxCompiledBytes || find_entry(name, qtype) != HashIndex::kNone) return;
  std::array<char, kMaxUdpBytes> message;
  std::memcpy(message.data() + kHeaderBytes, name.data(), name.size());
  size_t question_end = kHeaderBytes + name.size() + 4;
  MessageWriter writer(message.data(), message.size() - kOptBytes, question_end);
  Verdict verdict = answer_question(zones_, name, qtype, writer);
  if (verdict.truncated) return;  // too long for a datagram: rare, and the algorithm knows what to cut
  size_t body_size = writer.size() - question_end;
  index_.insert(hash_question(name, qtype), static_cast<uint32_t>(entries_.size()));
  entries_.push_back({static_cast<uint32_t>(bytes_.size()), static_cast<uint16_t>(body_size), qtype,
                      static_cast<uint8_t>(name.size())});
  bytes_ += name;
  append_u16(bytes_, static_cast<uint16_t>((verdict.authoritative ? kFlagAuthoritative : 0) |
                                           static_cast<uint16_t>(verdict.rcode)));
  for (Section section : {Section::answer, Section::authority, Section::additional}) {
    append_u16(bytes_, writer.count(section));
  }
  bytes_.append(message.data() + question_end, body_size);
}

uint32_t Snapshot::find_entry(WireName lower_qname, Type qtype) const {
  return index_.find(hash_question(lower_qname, qtype), [&](uint32_t i) {
    const Entry& entry = entries_[i];
    return entry.qtype == qtype && WireName(bytes_.data() + entry.offset, entry.name_size) == lower_qname;
  });
}

std::optional<CompiledAnswer> Snapshot::find(WireName lower_qname, Type qtype) const {
  uint32_t at = find_entry(lower_qname, qtype);
  if (at == HashIndex::kNone) return std::nullopt;
  const Entry& entry = entries_[at];
  const char* counts = bytes_.data() + entry.offset + entry.name_size;
  return CompiledAnswer{{counts, kCountsBytes}, {counts + kCountsBytes, entry.body_size}};
}

}  // namespace trimaran::dns
