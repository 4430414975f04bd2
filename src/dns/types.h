// The numbers of RFC 1035 and the IANA registry that an authoritative server must know by name. Types that are not
// here are served too: RFC 3597 writes them as TYPE65280 with \# data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trimaran::dns {

enum class Type : uint16_t {
  A = 1,
  NS = 2,
  CNAME = 5,
  SOA = 6,
  PTR = 12,
  HINFO = 13,
  MINFO = 14,
  MX = 15,
  TXT = 16,
  RP = 17,
  AFSDB = 18,
  AAAA = 28,
  SRV = 33,
  NAPTR = 35,
  DNAME = 39,
  OPT = 41,
  DS = 43,
  SSHFP = 44,
  TLSA = 52,
  SMIMEA = 53,
  CDS = 59,
  SVCB = 64,
  HTTPS = 65,
  SPF = 99,
  TKEY = 249,
  TSIG = 250,
  IXFR = 251,
  AXFR = 252,
  MAILB = 253,
  MAILA = 254,
  ANY = 255,
  URI = 256,
  CAA = 257,
};

inline constexpr uint16_t kClassIn = 1;

enum class Rcode : uint16_t {
  NOERROR = 0,
  FORMERR = 1,
  SERVFAIL = 2,
  NXDOMAIN = 3,
  NOTIMP = 4,
  REFUSED = 5,
  YXDOMAIN = 6,
  BADVERS = 16,  // RFC 6891: its upper bits travel in the OPT record
};

// "A", "TYPE65280".
std::string type_to_text(Type type);
// By name in any case, or TYPEnnn (RFC 3597 section 5).
std::optional<Type> type_from_text(std::string_view text);
// IN, CH, HS, CS or CLASSnnn.
std::optional<uint16_t> class_from_text(std::string_view text);
std::string_view rcode_to_text(Rcode rcode);

// OPT, TSIG, AXFR, ANY and the like: types of questions and of messages, never of data in a zone (RFC 6895
// section 3.1).
bool is_meta_type(Type type);

}  // namespace trimaran::dns
