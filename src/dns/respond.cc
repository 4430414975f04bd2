#include "dns/respond.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "dns/answer.h"
#include "dns/query.h"

namespace trimaran::dns {
namespace {

void store_u16(char* at, uint16_t value) {
  at[0] = static_cast<char>(value >> 8);
  at[1] = static_cast<char>(value);
}

// Flags of every response: what the query had in opcode and RD. RA, AD and CD stay clear (RFC 4035 section 3.1.6).
uint16_t response_flags(uint16_t query_flags) {
  return static_cast<uint16_t>(kFlagResponse | (query_flags & (kOpcodeMask | kFlagRecursionDesired)));
}

void append_opt(char* buffer, size_t& size, const Query& query, Rcode rcode) {  // RFC 6891 section 6.1
  char* opt = buffer + size;
  opt[0] = 0;
  store_u16(opt + 1, static_cast<uint16_t>(Type::OPT));
  store_u16(opt + 3, kMaxUdpBytes);
  opt[5] = static_cast<char>(static_cast<uint16_t>(rcode) >> 4);
  opt[6] = 0;                                               // version 0
  store_u16(opt + 7, query.dnssec_ok ? kEdnsDnssecOk : 0);  // RFC 3225 section 3: DO is copied
  store_u16(opt + 9, 0);
  size += kOptBytes;
  char* arcount = buffer + 10;
  store_u16(arcount,
            static_cast<uint16_t>((static_cast<uint8_t>(arcount[0]) << 8 | static_cast<uint8_t>(arcount[1])) + 1));
}

// A response that carries no records: the header, and the question if it was understood.
Reply bare_reply(std::string_view packet, const Query& query, char* buffer, Rcode rcode, bool with_question) {
  size_t size = with_question ? query.question_end : kHeaderBytes;
  std::memcpy(buffer, packet.data(), size);
  store_u16(buffer + 2,
            static_cast<uint16_t>(response_flags(query.flags) | (static_cast<uint16_t>(rcode) & kRcodeMask)));
  store_u16(buffer + 4, with_question ? 1 : 0);
  std::memset(buffer + 6, 0, 6);
  if (with_question && query.edns) append_opt(buffer, size, query, rcode);
  return {size, rcode, false};
}

// Questions we do not answer from data, whatever the zones hold; NOERROR when it is an ordinary one.
Rcode unanswerable(const Query& query) {
  if (query.qclass != kClassIn) return Rcode::REFUSED;
  switch (query.qtype) {
    case Type::AXFR:
    case Type::IXFR:
      return Rcode::REFUSED;  // no transfers to anybody yet
    case Type::MAILA:
    case Type::MAILB:
      return Rcode::NOTIMP;
    case Type::ANY:
      return Rcode::NOERROR;
    default:
      return is_meta_type(query.qtype) ? Rcode::FORMERR : Rcode::NOERROR;  // OPT, TSIG, 0 ask for nothing
  }
}

Reply answer_in_full(const Snapshot& snapshot, std::string_view packet, const Query& query, char* buffer,
                     size_t limit) {
  std::memcpy(buffer, packet.data(), query.question_end);
  MessageWriter writer(buffer, limit - (query.edns ? kOptBytes : 0), query.question_end);
  Verdict verdict = answer_question(snapshot.zones(), query.qname(), query.qtype, writer);
  uint16_t flags = response_flags(query.flags) | static_cast<uint16_t>(verdict.rcode);
  if (verdict.authoritative) flags |= kFlagAuthoritative;
  if (verdict.truncated) flags |= kFlagTruncated;
  store_u16(buffer + 2, flags);
  store_u16(buffer + 6, writer.count(Section::answer));
  store_u16(buffer + 8, writer.count(Section::authority));
  store_u16(buffer + 10, writer.count(Section::additional));
  size_t size = writer.size();
  if (query.edns) append_opt(buffer, size, query, verdict.rcode);
  return {size, verdict.rcode, verdict.truncated};
}

}  // namespace

Reply respond(const Snapshot& snapshot, std::string_view packet, std::span<char> buffer, Transport transport) {
  TRIMARAN_ASSERT(buffer.size() >= (transport == Transport::udp ? kMaxUdpBytes : kMaxTcpBytes));
  Query query;
  switch (parse_query(packet, query)) {
    case QueryStatus::drop:
      return {};
    case QueryStatus::formerr:
      return bare_reply(packet, query, buffer.data(), Rcode::FORMERR, false);
    case QueryStatus::notimp:
      return bare_reply(packet, query, buffer.data(), Rcode::NOTIMP, false);
    case QueryStatus::badvers:
      return bare_reply(packet, query, buffer.data(), Rcode::BADVERS, true);
    case QueryStatus::ok:
      break;
  }
  if (Rcode rcode = unanswerable(query); rcode != Rcode::NOERROR) {
    return bare_reply(packet, query, buffer.data(), rcode, true);
  }
  size_t limit = kMaxTcpBytes;
  if (transport == Transport::udp) {
    limit = query.edns ? std::clamp<size_t>(query.payload, kMinUdpBytes, kMaxUdpBytes) : kMinUdpBytes;
  }
  std::optional<CompiledAnswer> compiled = snapshot.find(query.qname(), query.qtype);
  if (!compiled || query.question_end + compiled->body.size() + (query.edns ? kOptBytes : 0) > limit) {
    return answer_in_full(snapshot, packet, query, buffer.data(), limit);
  }
  char* out = buffer.data();
  std::memcpy(out, packet.data(), query.question_end);
  std::memcpy(out + query.question_end, compiled->body.data(), compiled->body.size());
  std::memcpy(out + 6, compiled->counts.data() + 2, 6);
  uint16_t verdict =
      static_cast<uint16_t>(static_cast<uint8_t>(compiled->counts[0]) << 8 | static_cast<uint8_t>(compiled->counts[1]));
  store_u16(out + 2, response_flags(query.flags) | verdict);
  size_t size = query.question_end + compiled->body.size();
  Rcode rcode = static_cast<Rcode>(verdict & kRcodeMask);
  if (query.edns) append_opt(out, size, query, rcode);
  return {size, rcode, false};
}

}  // namespace trimaran::dns
