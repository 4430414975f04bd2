// What must hold for any reply to any packet, whatever the zones say. Shared by the targets that ask questions: one
// with any packet and a fixed zone, one with any zone and fixed questions.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "dns/answer.h"
#include "dns/decode.h"
#include "dns/query.h"
#include "dns/rdata.h"
#include "dns/respond.h"

namespace trimaran::dns {

struct CheckedReply {
  std::string bytes;
  DecodedMessage message;
};

inline bool has_type(const std::string& record, std::string_view type) {
  return record.find(" " + std::string(type) + " ") != std::string::npos;
}

inline void check_header(std::string_view packet, std::string_view reply, const Query& query, bool question_known) {
  TRIMARAN_ASSERT(reply.substr(0, 2) == packet.substr(0, 2));
  uint16_t flags = read_u16(reply, 2);
  TRIMARAN_ASSERT((flags & kFlagResponse) != 0 && (flags & 0x00f0) == 0);  // RA, Z, AD and CD are clear
  TRIMARAN_ASSERT((flags & (kOpcodeMask | kFlagRecursionDesired)) ==
                  (query.flags & (kOpcodeMask | kFlagRecursionDesired)));
  TRIMARAN_ASSERT(read_u16(reply, 4) == (question_known ? 1 : 0));
  if (!question_known) return;
  size_t size = query.question_end - kHeaderBytes;
  TRIMARAN_ASSERT(reply.substr(kHeaderBytes, size) == packet.substr(kHeaderBytes, size));  // case and all (0x20)
}

// RFC 1034 section 4.3.2, RFC 2308: what each RCODE comes with.
inline void check_sections(const DecodedMessage& message) {
  bool truncated = (message.flags & kFlagTruncated) != 0, authoritative = (message.flags & kFlagAuthoritative) != 0;
  auto soas = std::count_if(message.authority.begin(), message.authority.end(),
                            [](const std::string& record) { return has_type(record, "SOA"); });
  for (const std::vector<std::string>* section : {&message.answer, &message.authority, &message.additional}) {
    std::vector<std::string> sorted = *section;
    std::sort(sorted.begin(), sorted.end());
    TRIMARAN_ASSERT(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  }
  if (message.rcode == Rcode::NOERROR || message.rcode == Rcode::NXDOMAIN || message.rcode == Rcode::YXDOMAIN) {
    bool referral = message.answer.empty() && soas == 0 && message.rcode == Rcode::NOERROR && !truncated;
    if (referral) TRIMARAN_ASSERT(!message.authority.empty() && has_type(message.authority[0], "NS"));
    TRIMARAN_ASSERT(authoritative != referral || truncated);
    if (message.rcode == Rcode::NXDOMAIN && !truncated) TRIMARAN_ASSERT(soas == 1 && message.authority.size() == 1);
    return;
  }
  TRIMARAN_ASSERT(!authoritative && !truncated);
  TRIMARAN_ASSERT(message.answer.empty() && message.authority.empty() && message.additional.empty());
}

// A compiled answer is only what the algorithm once wrote.
inline void check_compiled(const Snapshot& snapshot, std::string_view packet, const Query& query,
                           std::string_view reply) {
  std::optional<CompiledAnswer> compiled = snapshot.find(query.qname(), query.qtype);
  size_t size = query.question_end + (compiled ? compiled->body.size() : 0);
  if (!compiled || size > reply.size() || reply.substr(query.question_end, compiled->body.size()) != compiled->body) {
    return;
  }
  static std::array<char, kMaxUdpBytes> buffer;
  std::copy_n(packet.data(), query.question_end, buffer.data());
  MessageWriter writer(buffer.data(), buffer.size() - kOptBytes, query.question_end);
  Verdict verdict = answer_question(snapshot.zones(), query.qname(), query.qtype, writer);
  TRIMARAN_ASSERT(!verdict.truncated && writer.size() == size);
  TRIMARAN_ASSERT(std::equal(buffer.data() + query.question_end, buffer.data() + size, compiled->body.data()));
}

// The reply to `packet`, if there is one.
inline std::optional<CheckedReply> ask_checked(const Snapshot& snapshot, std::string_view packet, Transport transport) {
  static std::array<char, kMaxTcpBytes> buffer;
  Reply reply = respond(snapshot, packet, buffer, transport);
  Query query;
  QueryStatus status = parse_query(packet, query);
  TRIMARAN_ASSERT((reply.size == 0) == (status == QueryStatus::drop));
  if (reply.size == 0) return std::nullopt;
  CheckedReply out{{buffer.data(), reply.size}, {}};
  std::optional<DecodedMessage> message = decode_message(out.bytes);
  TRIMARAN_ASSERT(message.has_value());
  out.message = std::move(*message);
  TRIMARAN_ASSERT(out.message.rcode == reply.rcode);
  TRIMARAN_ASSERT(((out.message.flags & kFlagTruncated) != 0) == reply.truncated);
  bool understood = status == QueryStatus::ok || status == QueryStatus::badvers;
  check_header(packet, out.bytes, query, understood);
  TRIMARAN_ASSERT(out.message.edns == (understood && query.edns));
  TRIMARAN_ASSERT(out.message.dnssec_ok == (out.message.edns && query.dnssec_ok));
  size_t room = understood && query.edns ? std::clamp<size_t>(query.payload, kMinUdpBytes, kMaxUdpBytes) : kMinUdpBytes;
  TRIMARAN_ASSERT(transport == Transport::tcp || reply.size <= room);
  check_sections(out.message);
  if (status == QueryStatus::ok) check_compiled(snapshot, packet, query, out.bytes);
  return out;
}

// Over both transports: what a datagram says in full, TCP says too.
inline void check_replies(const Snapshot& snapshot, std::string_view packet) {
  std::optional<CheckedReply> udp = ask_checked(snapshot, packet, Transport::udp);
  std::optional<CheckedReply> tcp = ask_checked(snapshot, packet, Transport::tcp);
  TRIMARAN_ASSERT(udp.has_value() == tcp.has_value());
  if (!udp || (udp->message.flags & kFlagTruncated) != 0) return;
  TRIMARAN_ASSERT((tcp->message.flags & kFlagTruncated) == 0 && udp->message.rcode == tcp->message.rcode);
  TRIMARAN_ASSERT(udp->message.answer == tcp->message.answer && udp->message.authority == tcp->message.authority);
}

}  // namespace trimaran::dns
