#include "dns/writer.h"

#include <algorithm>
#include <cstring>

#include "dns/rdata.h"

namespace trimaran::dns {

namespace {
constexpr size_t kMaxPointerOffset = 0x3fff;  // a compression pointer has 14 bits
}  // namespace

MessageWriter::MessageWriter(char* buffer, size_t limit, size_t question_end)
    : buffer_(buffer), limit_(limit), size_(question_end) {
  remember(kHeaderBytes, {buffer + kHeaderBytes, question_end - 4 - kHeaderBytes});
}

void MessageWriter::remember(size_t offset, WireName name) {
  for (; !is_root(name) && offset <= kMaxPointerOffset && target_count_ < targets_.size(); name = parent_of(name)) {
    targets_[target_count_++] = {static_cast<uint16_t>(offset), static_cast<uint8_t>(name.size())};
    offset += 1u + static_cast<uint8_t>(name[0]);
  }
}

// Whether the message has this name at `offset`; names in the message are our own, so they are known to be sound.
bool MessageWriter::name_at(size_t offset, WireName name) const {
  for (;;) {
    uint8_t length = static_cast<uint8_t>(buffer_[offset]);
    if (length >= 0xC0) {
      offset = read_u16({buffer_, size_}, offset) & kMaxPointerOffset;
      continue;
    }
    if (length != static_cast<uint8_t>(name[0])) return false;
    if (length == 0) return true;
    if (!same_name({buffer_ + offset + 1, length}, name.substr(1, length))) return false;
    offset += 1u + length;
    name = parent_of(name);
  }
}

bool MessageWriter::put(std::string_view bytes) {
  if (!room_for(bytes.size())) return false;
  std::memcpy(buffer_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

bool MessageWriter::put_u16(uint16_t value) {
  char bytes[] = {static_cast<char>(value >> 8), static_cast<char>(value)};
  return put({bytes, 2});
}

bool MessageWriter::put_u32(uint32_t value) {
  return put_u16(static_cast<uint16_t>(value >> 16)) && put_u16(static_cast<uint16_t>(value));
}

bool MessageWriter::put_name(WireName name) {
  size_t start = size_;
  for (WireName rest = name; !is_root(rest); rest = parent_of(rest)) {
    for (const Target& target : std::span(targets_).first(target_count_)) {
      if (target.name_size != rest.size() || !name_at(target.offset, rest)) continue;
      WireName new_labels = name.substr(0, name.size() - rest.size());
      if (!put(new_labels) || !put_u16(static_cast<uint16_t>(0xC000 | target.offset))) return false;
      if (new_labels.empty()) return true;
      // Only the new labels are new places to point to.
      size_t offset = start;
      for (WireName part = name; part.size() > rest.size(); part = parent_of(part)) {
        if (offset > kMaxPointerOffset || target_count_ == targets_.size()) break;
        targets_[target_count_++] = {static_cast<uint16_t>(offset), static_cast<uint8_t>(part.size())};
        offset += 1u + static_cast<uint8_t>(part[0]);
      }
      return true;
    }
  }
  if (!put(name)) return false;
  remember(start, name);
  return true;
}

bool MessageWriter::put_rdata(Type type, std::string_view rdata) {
  std::span<const Field> layout = rdata_layout(type);
  if (std::find(layout.begin(), layout.end(), Field::name) == layout.end()) return put(rdata);
  size_t at = 0;
  for (Field field : layout) {
    size_t size = *field_size(field, rdata, at);
    std::string_view bytes = rdata.substr(at, size);
    if (!(field == Field::name ? put_name(bytes) : put(bytes))) return false;
    at += size;
  }
  return true;
}

bool MessageWriter::add_record(Section section, WireName owner, Type type, uint32_t ttl, std::string_view rdata) {
  size_t start = size_;
  size_t targets = target_count_;
  bool fits =
      put_name(owner) && put_u16(static_cast<uint16_t>(type)) && put_u16(kClassIn) && put_u32(ttl) && put_u16(0);
  size_t data_start = size_;
  if (!fits || !put_rdata(type, rdata)) {
    size_ = start;
    target_count_ = targets;
    return false;
  }
  uint16_t length = static_cast<uint16_t>(size_ - data_start);
  buffer_[data_start - 2] = static_cast<char>(length >> 8);
  buffer_[data_start - 1] = static_cast<char>(length);
  ++counts_[static_cast<size_t>(section)];
  return true;
}

bool MessageWriter::add_set(Section section, WireName owner, const RrSet& set, uint32_t ttl) {
  size_t start = size_;
  size_t targets = target_count_;
  uint16_t count = counts_[static_cast<size_t>(section)];
  for (const Record& record : set.records) {
    if (add_record(section, owner, record.type, ttl, record.rdata)) continue;
    size_ = start;
    target_count_ = targets;
    counts_[static_cast<size_t>(section)] = count;
    return false;
  }
  return true;
}

}  // namespace trimaran::dns
