// A hash from keys that live elsewhere to 32-bit indexes: the zone's nodes and the compiled answers share it. Open
// addressing in one array, so that a lookup among 100,000 names is one cache miss for the slot and one for the key.
// std::unordered_map was measured at three misses and an allocation a name.
#pragma once

#include <cstdint>
#include <vector>

namespace trimaran::dns {

class HashIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The value whose key `same` accepts, or kNone.
  template <class Same>
  uint32_t find(uint64_t hash, Same same) const {
    if (slots_.empty()) return kNone;
    uint32_t tag = static_cast<uint32_t>(hash);
    for (size_t at = tag & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.value == kNone) return kNone;
      if (slot.tag == tag && same(slot.value)) return slot.value;
    }
  }

  // The key must not be in the index yet.
  void insert(uint64_t hash, uint32_t value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    place({static_cast<uint32_t>(hash), value});
    ++size_;
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t value = kNone;
  };

  void place(Slot slot) {
    size_t at = slot.tag & mask_;
    while (slots_[at].value != kNone) at = (at + 1) & mask_;
    slots_[at] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.value != kNone) place(slot);
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half full
  size_t mask_ = 0;
  size_t size_ = 0;
};

}  // namespace trimaran::dns
