#include "dns/query.h"

#include "dns/rdata.h"

namespace trimaran::dns {
namespace {

// One record behind the question; only OPT means anything to us.
struct Extra {
  Type type = Type::A;
  uint16_t klass = 0;
  uint32_t ttl = 0;
  bool at_root = false;
  size_t end = 0;
};

bool read_extra(std::string_view packet, size_t offset, Extra& extra) {
  std::array<char, kMaxNameBytes> owner;
  std::optional<NameInMessage> name = read_name(packet, offset, owner.data());
  if (!name || name->end + 10 > packet.size()) return false;
  extra.type = static_cast<Type>(read_u16(packet, name->end));
  extra.klass = read_u16(packet, name->end + 2);
  extra.ttl = read_u32(packet, name->end + 4);
  extra.at_root = packet[offset] == 0;
  extra.end = name->end + 10 + read_u16(packet, name->end + 8);
  return extra.end <= packet.size();
}

// The options inside OPT must fill it exactly; what they say may be ignored (RFC 6891 section 6.1.2).
bool options_are_well_formed(std::string_view options) {
  while (!options.empty()) {
    if (options.size() < 4) return false;
    size_t size = 4u + read_u16(options, 2);
    if (size > options.size()) return false;
    options.remove_prefix(size);
  }
  return true;
}

bool read_question(std::string_view packet, Query& query) {
  std::optional<NameInMessage> name = read_name(packet, kHeaderBytes, query.name.data());
  if (!name || name->end + 4 > packet.size()) return false;
  query.name_size = name->size;
  lower_bytes(query.qname(), query.name.data());
  query.qtype = static_cast<Type>(read_u16(packet, name->end));
  query.qclass = read_u16(packet, name->end + 2);
  query.question_end = name->end + 4;
  return true;
}

}  // namespace

QueryStatus parse_query(std::string_view packet, Query& query) {
  if (packet.size() < kHeaderBytes) return QueryStatus::drop;
  query.flags = read_u16(packet, 2);
  if (query.flags & kFlagResponse) return QueryStatus::drop;
  if (query.flags & kOpcodeMask) return QueryStatus::notimp;
  if (read_u16(packet, 4) != 1) return QueryStatus::formerr;  // RFC 9619: exactly one question
  if (!read_question(packet, query)) return QueryStatus::formerr;
  size_t before_additional = size_t{read_u16(packet, 6)} + read_u16(packet, 8);
  size_t records = before_additional + read_u16(packet, 10);
  size_t at = query.question_end;
  uint8_t edns_version = 0;
  for (size_t i = 0; i < records; ++i) {  // each takes 11 bytes of the packet, so the packet bounds the loop
    Extra extra;
    size_t start = at;
    if (!read_extra(packet, start, extra)) return QueryStatus::formerr;
    at = extra.end;
    if (extra.type != Type::OPT) continue;
    bool misplaced = i < before_additional || query.edns || !extra.at_root;  // RFC 6891 section 6.1.1
    if (misplaced || !options_are_well_formed(packet.substr(start + kOptBytes, at - start - kOptBytes))) {
      return QueryStatus::formerr;
    }
    query.edns = true;
    query.payload = extra.klass;
    query.dnssec_ok = (extra.ttl & kEdnsDnssecOk) != 0;
    edns_version = static_cast<uint8_t>(extra.ttl >> 16);
  }
  if (at != packet.size()) return QueryStatus::formerr;
  return edns_version == 0 ? QueryStatus::ok : QueryStatus::badvers;
}

}  // namespace trimaran::dns
