// Zone text (RFC 1035 section 5, RFC 2308 section 4) into records. Every mistake is collected with its line and column
// and the parser goes on with the next record, so the user sees all of them at once.
// $INCLUDE and $GENERATE are refused: one opens files from inside pure code, the other is BIND's own invention.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "dns/name.h"
#include "dns/types.h"

namespace trimaran::dns {

inline constexpr size_t kMaxZoneRecords = 10'000'000;  // about 2 GB compiled; a larger file is a mistake
inline constexpr size_t kMaxMistakes = 100;            // per text: after that the file is not zone text at all

struct Record {
  Name owner;  // lower case, so that it is its own key
  Type type = Type::A;
  uint16_t file = 0;  // index into ZoneDraft::files
  uint32_t line = 0;
  uint32_t ttl = 0;
  std::string rdata;  // wire form, uncompressed
};

// Records from any number of texts, before they become a Zone.
struct ZoneDraft {
  std::vector<std::string> files;
  std::vector<Record> records;
  Diagnostics mistakes;
};

struct ZoneTextOptions {
  std::string file;                     // for the diagnostics
  Name origin;                          // until the text says $ORIGIN
  std::optional<uint32_t> default_ttl;  // until the text says $TTL
  int first_line = 1;                   // when the text is a string inside another file
  size_t max_records = kMaxZoneRecords;
};

// Appends the records and the mistakes of `text` to `draft`.
void parse_zone_text(std::string_view text, const ZoneTextOptions& options, ZoneDraft& draft);

}  // namespace trimaran::dns
