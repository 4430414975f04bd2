// One version of everything the name server knows, immutable: the zones, and beside them the answers to the questions
// that will be asked, already written. The question always stands at offset 12 and an answer's compression pointers
// count from there, so the bytes behind the question are the same in every packet; EDNS is an 11-byte append.
// Negative answers are not compiled: the names that do not exist are too many, and the algorithm takes 0.2 us.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/hash_index.h"
#include "dns/zone_set.h"

namespace trimaran::dns {

struct CompiledAnswer {
  std::string_view counts;  // 8 bytes: the answer's flags (AA, RCODE) and its ANCOUNT, NSCOUNT, ARCOUNT
  std::string_view body;    // what follows the question
};

class Snapshot {
 public:
  explicit Snapshot(std::vector<Zone> zones);

  const ZoneSet& zones() const { return zones_; }
  std::optional<CompiledAnswer> find(WireName lower_qname, Type qtype) const;
  size_t compiled_count() const { return entries_.size(); }

 private:
  struct Entry {
    uint32_t offset;  // in bytes_: name, counts, body
    uint16_t body_size;
    Type qtype;
    uint8_t name_size;
  };

  void compile(const Zone& zone);
  void compile(WireName name, Type qtype);
  uint32_t find_entry(WireName lower_qname, Type qtype) const;

  ZoneSet zones_;
  std::string bytes_;
  std::vector<Entry> entries_;
  HashIndex index_;
};

}  // namespace trimaran::dns
