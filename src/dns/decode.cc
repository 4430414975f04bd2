#include "dns/decode.h"

#include <array>

#include "base/assert.h"
#include "dns/name.h"
#include "dns/query.h"
#include "dns/rdata.h"

namespace trimaran::dns {
namespace {

class Decoder {
 public:
  explicit Decoder(std::string_view packet) : packet_(packet) {}

  std::optional<DecodedMessage> run() {
    if (packet_.size() < kHeaderBytes) return std::nullopt;
    message_.id = read_u16(packet_, 0);
    message_.flags = read_u16(packet_, 2);
    message_.rcode = static_cast<Rcode>(message_.flags & kRcodeMask);
    for (uint16_t i = 0; i < read_u16(packet_, 4); ++i) {
      if (!read_question()) return std::nullopt;
    }
    std::vector<std::string>* sections[] = {&message_.answer, &message_.authority, &message_.additional};
    for (size_t section = 0; section < 3; ++section) {
      for (uint16_t i = 0; i < read_u16(packet_, 6 + 2 * section); ++i) {
        if (!read_record(*sections[section])) return std::nullopt;
      }
    }
    if (at_ != packet_.size()) return std::nullopt;
    return std::move(message_);
  }

 private:
  bool take_name(std::string& wire) {
    std::array<char, kMaxNameBytes> bytes;
    std::optional<NameInMessage> name = read_name(packet_, at_, bytes.data());
    if (!name) return false;
    wire.assign(bytes.data(), name->size);
    at_ = name->end;
    return true;
  }

  bool read_question() {
    std::string name;
    if (!take_name(name) || at_ + 4 > packet_.size()) return false;
    message_.question.push_back(name_to_text(name) + " " + type_to_text(static_cast<Type>(read_u16(packet_, at_))));
    at_ += 4;
    return true;
  }

  bool read_record(std::vector<std::string>& section) {
    std::string owner, rdata;
    if (!take_name(owner) || at_ + 10 > packet_.size()) return false;
    Type type = static_cast<Type>(read_u16(packet_, at_));
    uint16_t klass = read_u16(packet_, at_ + 2);
    uint32_t ttl = read_u32(packet_, at_ + 4);
    size_t end = at_ + 10 + read_u16(packet_, at_ + 8);
    at_ += 10;
    if (end > packet_.size() || !read_rdata(type, end, rdata)) return false;
    if (type == Type::OPT) {
      message_.edns = true;
      message_.payload = klass;
      message_.dnssec_ok = (ttl & kEdnsDnssecOk) != 0;
      message_.rcode = static_cast<Rcode>((ttl >> 24) << 4 | (message_.flags & kRcodeMask));
      return true;
    }
    section.push_back(name_to_text(owner) + " " + std::to_string(ttl) + " " + type_to_text(type) + " " +
                      rdata_to_text(type, rdata));
    return true;
  }

  // The RDATA up to `end` with its names written out.
  bool read_rdata(Type type, size_t end, std::string& rdata) {
    for (Field field : rdata_layout(type)) {
      if (field == Field::name || field == Field::plain_name) {
        std::string name;
        if (!take_name(name)) return false;
        rdata += name;
        continue;
      }
      std::optional<size_t> size = field_size(field, packet_.substr(0, end), at_);
      if (!size) return false;
      rdata += packet_.substr(at_, *size);
      at_ += *size;
    }
    if (rdata_layout(type).empty()) {
      rdata = packet_.substr(at_, end - at_);
      at_ = end;
    }
    return at_ == end;
  }

  std::string_view packet_;
  size_t at_ = kHeaderBytes;
  DecodedMessage message_;
};

void append_u16(std::string& out, uint16_t value) { out += {static_cast<char>(value >> 8), static_cast<char>(value)}; }

}  // namespace

std::optional<DecodedMessage> decode_message(std::string_view packet) { return Decoder(packet).run(); }

std::string encode_query(uint16_t id, std::string_view name, Type qtype, uint16_t udp_payload) {
  std::expected<Name, std::string_view> qname = Name::from_text(name);
  TRIMARAN_ASSERT(qname.has_value());
  std::string out;
  uint16_t additional = udp_payload > 0 ? 1 : 0;
  for (uint16_t word : {id, kFlagRecursionDesired, uint16_t{1}, uint16_t{0}, uint16_t{0}, additional}) {
    append_u16(out, word);
  }
  out += qname->wire();
  append_u16(out, static_cast<uint16_t>(qtype));
  append_u16(out, kClassIn);
  if (additional > 0) {
    out += '\0';
    for (uint16_t word : {static_cast<uint16_t>(Type::OPT), udp_payload, uint16_t{0}, uint16_t{0}, uint16_t{0}}) {
      append_u16(out, word);
    }
  }
  return out;
}

}  // namespace trimaran::dns
