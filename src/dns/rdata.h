// What the RDATA of each type is made of, as one table: reading zone text, printing, checking and compressing all walk
// the same row, so a new type is a new row. Types without a row are opaque bytes (RFC 3597).
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dns/name.h"
#include "dns/types.h"
#include "dns/zone_scanner.h"

namespace trimaran::dns {

inline constexpr size_t kMaxRdataBytes = 65535;  // RDLENGTH has 16 bits
inline constexpr uint32_t kMaxTtl = 0x7fffffff;  // RFC 2181 section 8

enum class Field : uint8_t {
  end,
  name,        // may be compressed: only the types of RFC 1035 (RFC 3597 section 4)
  plain_name,  // must not be compressed
  u8,
  u16,
  u32,
  period,  // u32, written with units: 1h30m
  ipv4,
  ipv6,
  string,   // one character-string: length byte and bytes
  strings,  // one or more of them, to the end
  caa_tag,  // RFC 8659 section 4.1: letters and digits, as a character-string
  raw,      // one string without a length byte, to the end
  hex,      // bytes in hexadecimal, to the end
};

// The fields of a type up to Field::end; empty for a type that is opaque to us.
std::span<const Field> rdata_layout(Type type);

// How many bytes the field takes at `offset`; nothing when the RDATA is too short or broken there.
std::optional<size_t> field_size(Field field, std::string_view rdata, size_t offset);

// Whether the bytes follow the layout of the type exactly.
bool rdata_is_well_formed(Type type, std::string_view rdata);

// The RDATA with its names in lower case, by which records are compared (RFC 4343); empty when that changes nothing.
std::string lowered_rdata(Type type, std::string_view rdata);

struct RdataError {
  size_t token = 0;  // which token is wrong; one past the last when something is missing
  std::string message;
};
// Wire RDATA from its presentation (either the type's own, or RFC 3597 "\# length hex"); relative names get `origin`.
std::expected<std::string, RdataError> rdata_from_text(Type type, std::span<const Token> tokens, const Name& origin);

// Presentation form; "\# 4 0a000001" for opaque types.
std::string rdata_to_text(Type type, std::string_view rdata);

// "3600", "1h", "1h30m", "2w" (units w d h m s), at most kMaxTtl.
std::optional<uint32_t> parse_period(std::string_view text);

// The name that NS, CNAME, PTR, DNAME, MX and SRV point to; empty for other types.
WireName rdata_target(Type type, std::string_view rdata);

inline uint16_t read_u16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 | static_cast<uint8_t>(bytes[at + 1]));
}
inline uint32_t read_u32(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(read_u16(bytes, at)) << 16 | read_u16(bytes, at + 2);
}

}  // namespace trimaran::dns
