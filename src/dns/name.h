// Domain names in wire form: length byte, label, ... , zero. One form everywhere, because comparing, hashing, cutting
// off a label and writing to a packet are then byte operations on a string_view. Label lengths are at most 63 and 'A'
// is 65, so a whole wire name can be lower-cased byte by byte without looking where its labels begin.
// A name as a vector of labels was rejected: one allocation a label, and every operation becomes a loop of compares.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace trimaran::dns {

inline constexpr size_t kMaxNameBytes = 255;   // RFC 1035 section 2.3.4: all length bytes and the root's included
inline constexpr size_t kMaxLabelBytes = 63;   // RFC 1035 section 2.3.4
inline constexpr size_t kMaxLabels = 127;      // what fits into 255 bytes, without the root
inline constexpr size_t kMaxPointerHops = 32;  // compression pointers followed in one name; real messages need two

// A valid, uncompressed wire-form name that somebody else owns.
using WireName = std::string_view;

class Name {
 public:
  Name() : wire_(1, '\0') {}  // the root
  explicit Name(WireName wire) : wire_(wire) {}

  // Presentation form (RFC 1035 section 5.1): \DDD and \X escapes; without a final dot it is completed with `origin`.
  // The error is a phrase for a Diagnostic: "label is longer than 63 bytes".
  static std::expected<Name, std::string_view> from_text(std::string_view text, const Name& origin = Name());

  WireName wire() const { return wire_; }
  Name lowered() &&;
  std::string to_text() const;
  // Byte for byte; use same_name() where case must not matter.
  bool operator==(const Name&) const = default;

 private:
  std::string wire_;
};

// "www.foobar.com." with every byte that is not a plain character escaped; the root is ".".
std::string name_to_text(WireName name);

inline bool is_root(WireName name) { return name.size() == 1; }
// `name` without its first label; not for the root.
inline WireName parent_of(WireName name) { return name.substr(1 + static_cast<uint8_t>(name[0])); }
bool same_name(WireName a, WireName b);  // RFC 4343: ASCII case does not matter
bool is_at_or_below(WireName name, WireName ancestor);
inline bool is_wildcard(WireName name) { return name.size() > 2 && name[0] == 1 && name[1] == '*'; }

// Where each label of `name` begins, the root's not counted; returns how many there are.
size_t label_starts(WireName name, std::array<uint8_t, kMaxLabels>& starts);

struct NameInMessage {
  size_t size = 0;  // bytes written to `out`
  size_t end = 0;   // offset in the message after the name
};
// Reads a possibly compressed name from a message into `out` (kMaxNameBytes). Pointers must go backwards, past the
// header, and at most kMaxPointerHops of them; nothing when the bytes are not a name.
std::optional<NameInMessage> read_name(std::string_view message, size_t offset, char* out);

// Copies `from` in lower case.
void lower_bytes(std::string_view from, char* out);

// Not for keys that a peer can insert: it only has to spread the names of our own zones.
uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);

}  // namespace trimaran::dns
