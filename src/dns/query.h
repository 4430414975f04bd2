// A query as it arrives (RFC 1035 section 4.1, RFC 6891), checked to the last byte. Nothing here allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dns/name.h"
#include "dns/types.h"

namespace trimaran::dns {

inline constexpr size_t kHeaderBytes = 12;
inline constexpr size_t kOptBytes = 11;  // an OPT record without options

// The header's flag word.
inline constexpr uint16_t kFlagResponse = 0x8000;
inline constexpr uint16_t kOpcodeMask = 0x7800;
inline constexpr uint16_t kFlagAuthoritative = 0x0400;
inline constexpr uint16_t kFlagTruncated = 0x0200;
inline constexpr uint16_t kFlagRecursionDesired = 0x0100;
inline constexpr uint16_t kRcodeMask = 0x000f;

inline constexpr uint16_t kEdnsDnssecOk = 0x8000;  // in the flags of OPT (RFC 3225)

enum class QueryStatus {
  ok,
  drop,     // not even a header, or a response: answering could start a loop
  formerr,  // only the header can be trusted
  notimp,   // another opcode: its sections mean something else
  badvers,  // RFC 6891 section 6.1.3
};

struct Query {
  uint16_t flags = 0;
  Type qtype = Type::A;
  uint16_t qclass = 0;
  size_t question_end = kHeaderBytes;  // offset behind the question
  bool edns = false;
  bool dnssec_ok = false;
  uint16_t payload = 0;  // the largest UDP answer the sender can take; only with edns
  size_t name_size = 0;
  std::array<char, kMaxNameBytes> name;  // lower case

  WireName qname() const { return {name.data(), name_size}; }
};

QueryStatus parse_query(std::string_view packet, Query& query);

}  // namespace trimaran::dns
