// Writes the records of one answer into a caller's buffer, with name compression (RFC 1035 section 4.1.4) and a hard
// limit. A set either fits whole or leaves no trace (RFC 2181 section 9).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dns/name.h"
#include "dns/query.h"
#include "dns/zone.h"

namespace trimaran::dns {

// Places in the message that later names may point to. An answer whose names do not all fit is only a little longer.
inline constexpr size_t kMaxCompressionTargets = 96;

enum class Section : uint8_t { answer, authority, additional };

class MessageWriter {
 public:
  // `buffer` already holds a header and the question up to `question_end`; `limit` counts from its start.
  MessageWriter(char* buffer, size_t limit, size_t question_end);

  // False, and nothing written, when the set does not fit.
  bool add_set(Section section, WireName owner, const RrSet& set) { return add_set(section, owner, set, set.ttl); }
  bool add_set(Section section, WireName owner, const RrSet& set, uint32_t ttl);
  bool add_record(Section section, WireName owner, Type type, uint32_t ttl, std::string_view rdata);

  size_t size() const { return size_; }
  uint16_t count(Section section) const { return counts_[static_cast<size_t>(section)]; }

 private:
  struct Target {
    uint16_t offset;
    uint8_t name_size;  // bytes of the whole name from here, uncompressed
  };

  bool room_for(size_t bytes) const { return limit_ - size_ >= bytes; }
  bool put(std::string_view bytes);
  bool put_u16(uint16_t value);
  bool put_u32(uint32_t value);
  bool put_name(WireName name);
  bool put_rdata(Type type, std::string_view rdata);
  void remember(size_t offset, WireName name);
  bool name_at(size_t offset, WireName name) const;

  char* buffer_;
  size_t limit_;
  size_t size_;
  std::array<uint16_t, 3> counts_{};
  std::array<Target, kMaxCompressionTargets> targets_;
  size_t target_count_ = 0;
};

}  // namespace trimaran::dns
