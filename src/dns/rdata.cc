#include "dns/rdata.h"

#include <arpa/inet.h>

#include <array>

#include "base/strings.h"

namespace trimaran::dns {
namespace {

struct Layout {
  Type type;
  std::array<Field, 8> fields;  // the rest is Field::end
};

constexpr Layout kLayouts[] = {
    {Type::A, {Field::ipv4}},
    {Type::AAAA, {Field::ipv6}},
    {Type::CNAME, {Field::name}},
    {Type::MX, {Field::u16, Field::name}},
    {Type::TXT, {Field::strings}},
    {Type::NS, {Field::name}},
    {Type::PTR, {Field::name}},
    {Type::SRV, {Field::u16, Field::u16, Field::u16, Field::plain_name}},
    {Type::CAA, {Field::u8, Field::caa_tag, Field::raw}},
    {Type::SOA, {Field::name, Field::name, Field::u32, Field::period, Field::period, Field::period, Field::period}},
    {Type::DNAME, {Field::plain_name}},
    {Type::TLSA, {Field::u8, Field::u8, Field::u8, Field::hex}},
    {Type::SSHFP, {Field::u8, Field::u8, Field::hex}},
    {Type::DS, {Field::u16, Field::u8, Field::u8, Field::hex}},
    {Type::HINFO, {Field::string, Field::string}},
    {Type::MINFO, {Field::name, Field::name}},
    {Type::RP, {Field::plain_name, Field::plain_name}},
    {Type::AFSDB, {Field::u16, Field::plain_name}},
    {Type::URI, {Field::u16, Field::u16, Field::raw}},
    {Type::SMIMEA, {Field::u8, Field::u8, Field::u8, Field::hex}},
    {Type::CDS, {Field::u16, Field::u8, Field::u8, Field::hex}},
    {Type::SPF, {Field::strings}},
    {Type::NAPTR, {Field::u16, Field::u16, Field::string, Field::string, Field::string, Field::plain_name}},
};

void append_number(std::string& out, uint32_t value, size_t bytes) {
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes));
}

size_t number_bytes(Field field) {
  if (field == Field::u8) return 1;
  return field == Field::u16 ? 2 : 4;
}

// Decodes \DDD and \X; a message on failure.
std::optional<std::string_view> decode_string(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return "broken escape; use \\DDD (000-255) or \\X";
    if (!is_digit(text[i])) {
      out += text[i];
      continue;
    }
    std::optional<uint64_t> value = parse_u64(text.substr(i, 3));
    if (i + 3 > text.size() || !value || *value > 255) return "broken escape; use \\DDD (000-255) or \\X";
    out += static_cast<char>(*value);
    i += 2;
  }
  return std::nullopt;
}

std::optional<std::string_view> append_character_string(std::string_view text, std::string& out) {
  std::string decoded;
  if (auto error = decode_string(text, decoded)) return error;
  if (decoded.size() > 255) return "a string is at most 255 bytes; write several strings instead";
  out += static_cast<char>(decoded.size());
  out += decoded;
  return std::nullopt;
}

std::optional<std::string_view> append_hex(std::string_view text, std::string& out) {
  if (text.empty()) return "hexadecimal data must not be empty";  // it could not be written again
  if (text.size() % 2 != 0) return "hexadecimal data needs an even number of digits";
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return "this is not hexadecimal";
    out += static_cast<char>(high << 4 | low);
  }
  return std::nullopt;
}

std::optional<std::string_view> append_address(int family, std::string_view text, std::string& out) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};  // inet_pton wants a zero at the end
  std::array<char, sizeof(in6_addr)> address;
  if (text.size() < terminated.size()) {
    text.copy(terminated.data(), text.size());
    if (inet_pton(family, terminated.data(), address.data()) == 1) {
      out.append(address.data(), family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr));
      return std::nullopt;
    }
  }
  return family == AF_INET ? "this is not an IPv4 address" : "this is not an IPv6 address";
}

std::optional<std::string_view> append_name(std::string_view text, const Name& origin, std::string& out) {
  if (text == "@") {
    out += origin.wire();
    return std::nullopt;
  }
  std::expected<Name, std::string_view> name = Name::from_text(text, origin);
  if (!name) return name.error();
  out += name->wire();
  return std::nullopt;
}

std::optional<std::string_view> append_integer(Field field, std::string_view text, std::string& out) {
  std::optional<uint64_t> value = parse_u64(text);
  if (!value && field == Field::period) value = parse_period(text);
  size_t bytes = number_bytes(field);
  uint64_t most = field == Field::period ? kMaxTtl : (uint64_t{1} << (8 * bytes)) - 1;
  if (!value) return field == Field::period ? "this is not a time (3600, 1h, 1d12h)" : "this is not a number";
  if (*value > most) return "this number is too large for its field";
  append_number(out, static_cast<uint32_t>(*value), bytes);
  return std::nullopt;
}

std::optional<std::string_view> append_caa_tag(std::string_view text, std::string& out) {
  for (char c : text) {
    bool letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
    if (!letter && !is_digit(c)) return "a CAA tag is made of letters and digits";
  }
  if (text.empty()) return "a CAA tag must not be empty";
  return append_character_string(text, out);
}

// One token into one field; a phrase when it does not fit.
std::optional<std::string_view> append_field(Field field, const Token& token, const Name& origin, std::string& out) {
  switch (field) {
    case Field::name:
    case Field::plain_name:
      return append_name(token.text, origin, out);
    case Field::u8:
    case Field::u16:
    case Field::u32:
    case Field::period:
      return append_integer(field, token.text, out);
    case Field::ipv4:
      return append_address(AF_INET, token.text, out);
    case Field::ipv6:
      return append_address(AF_INET6, token.text, out);
    case Field::string:
    case Field::strings:
      return append_character_string(token.text, out);
    case Field::caa_tag:
      return append_caa_tag(token.text, out);
    case Field::raw:
      return decode_string(token.text, out);
    case Field::hex:
      return append_hex(token.text, out);
    case Field::end:
      break;
  }
  return "there is a field too many here";
}

bool takes_the_rest(Field field) { return field == Field::strings || field == Field::hex; }

// RFC 3597 section 5: \# LENGTH HEX...
std::expected<std::string, RdataError> generic_from_text(Type type, std::span<const Token> tokens) {
  if (tokens.size() < 2) return std::unexpected(RdataError{tokens.size(), "the length is missing after \\#"});
  std::optional<uint64_t> length = parse_u64(tokens[1].text);
  if (!length || *length > kMaxRdataBytes) return std::unexpected(RdataError{1, "a length from 0 to 65535 goes here"});
  std::string rdata;
  for (size_t i = 2; i < tokens.size(); ++i) {
    if (auto error = append_hex(tokens[i].text, rdata)) return std::unexpected(RdataError{i, std::string(*error)});
  }
  if (rdata.size() != *length) {
    std::string found = std::to_string(rdata.size());
    return std::unexpected(RdataError{1, "the length does not match the " + found + " bytes that follow"});
  }
  if (!rdata_is_well_formed(type, rdata)) {
    return std::unexpected(RdataError{1, "these bytes are not valid data of type " + type_to_text(type)});
  }
  return rdata;
}

void print_string(std::string_view bytes, std::string& out) {
  out += '"';
  for (char c : bytes) {
    uint8_t value = static_cast<uint8_t>(c);
    if (value < ' ' || value > '~') {
      out += {'\\', static_cast<char>('0' + value / 100), static_cast<char>('0' + value / 10 % 10),
              static_cast<char>('0' + value % 10)};
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void print_hex(std::string_view bytes, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (char c : bytes) out += {kDigits[static_cast<uint8_t>(c) >> 4], kDigits[static_cast<uint8_t>(c) & 15]};
}

void print_field(Field field, std::string_view bytes, std::string& out) {
  std::array<char, INET6_ADDRSTRLEN> address;
  switch (field) {
    case Field::name:
    case Field::plain_name:
      out += name_to_text(bytes);
      break;
    case Field::u8:
      out += std::to_string(static_cast<uint8_t>(bytes[0]));
      break;
    case Field::u16:
      out += std::to_string(read_u16(bytes, 0));
      break;
    case Field::u32:
    case Field::period:
      out += std::to_string(read_u32(bytes, 0));
      break;
    case Field::ipv4:
      out += inet_ntop(AF_INET, bytes.data(), address.data(), address.size());
      break;
    case Field::ipv6:
      out += inet_ntop(AF_INET6, bytes.data(), address.data(), address.size());
      break;
    case Field::string:
      print_string(bytes.substr(1), out);
      break;
    case Field::strings:
      for (size_t at = 0; at < bytes.size(); at += 1u + static_cast<uint8_t>(bytes[at])) {
        if (at > 0) out += ' ';
        print_string(bytes.substr(at + 1, static_cast<uint8_t>(bytes[at])), out);
      }
      break;
    case Field::caa_tag:
      out += bytes.substr(1);
      break;
    case Field::raw:
      print_string(bytes, out);
      break;
    case Field::hex:
      print_hex(bytes, out);
      break;
    case Field::end:
      break;
  }
}

std::optional<size_t> name_size(std::string_view rdata, size_t offset) {
  for (size_t at = offset; at < rdata.size() && at - offset < kMaxNameBytes;) {
    uint8_t length = static_cast<uint8_t>(rdata[at]);
    if (length > kMaxLabelBytes) return std::nullopt;
    at += 1u + length;
    if (length == 0) return at - offset;
  }
  return std::nullopt;
}

std::optional<size_t> strings_size(std::string_view rdata, size_t offset) {
  size_t at = offset;
  while (at < rdata.size()) at += 1u + static_cast<uint8_t>(rdata[at]);
  if (at != rdata.size() || at == offset) return std::nullopt;
  return at - offset;
}

}  // namespace

std::span<const Field> rdata_layout(Type type) {
  for (const Layout& layout : kLayouts) {
    if (layout.type != type) continue;
    size_t count = 0;
    while (count < layout.fields.size() && layout.fields[count] != Field::end) ++count;
    return {layout.fields.data(), count};
  }
  return {};
}

std::optional<size_t> field_size(Field field, std::string_view rdata, size_t offset) {
  if (offset > rdata.size()) return std::nullopt;
  size_t left = rdata.size() - offset;
  auto fixed = [&](size_t size) { return size <= left ? std::optional<size_t>(size) : std::nullopt; };
  switch (field) {
    case Field::name:
    case Field::plain_name:
      return name_size(rdata, offset);
    case Field::u8:
    case Field::u16:
    case Field::u32:
    case Field::period:
      return fixed(number_bytes(field));
    case Field::ipv4:
      return fixed(sizeof(in_addr));
    case Field::ipv6:
      return fixed(sizeof(in6_addr));
    case Field::caa_tag:
      if (left == 0 || rdata[offset] == 0) return std::nullopt;
      [[fallthrough]];
    case Field::string:
      return left == 0 ? std::nullopt : fixed(1u + static_cast<uint8_t>(rdata[offset]));
    case Field::strings:
      return strings_size(rdata, offset);
    case Field::hex:
      if (left == 0) return std::nullopt;
      [[fallthrough]];
    case Field::raw:
      return left;
    case Field::end:
      break;
  }
  return std::nullopt;
}

bool rdata_is_well_formed(Type type, std::string_view rdata) {
  std::span<const Field> layout = rdata_layout(type);
  if (layout.empty()) return rdata.size() <= kMaxRdataBytes;
  size_t at = 0;
  for (Field field : layout) {
    std::optional<size_t> size = field_size(field, rdata, at);
    if (!size) return false;
    at += *size;
  }
  return at == rdata.size();
}

std::string lowered_rdata(Type type, std::string_view rdata) {
  std::string lowered;
  size_t at = 0;
  for (Field field : rdata_layout(type)) {
    size_t size = *field_size(field, rdata, at);
    if (field == Field::name || field == Field::plain_name) {
      if (lowered.empty()) lowered = rdata;
      lower_bytes(rdata.substr(at, size), lowered.data() + at);
    }
    at += size;
  }
  return lowered == rdata ? std::string() : lowered;
}

std::expected<std::string, RdataError> rdata_from_text(Type type, std::span<const Token> tokens, const Name& origin) {
  if (!tokens.empty() && tokens[0].text == "\\#" && !tokens[0].quoted) return generic_from_text(type, tokens);
  std::span<const Field> layout = rdata_layout(type);
  if (layout.empty()) {
    return std::unexpected(RdataError{0, "data of type " + type_to_text(type) + " is written as \\# LENGTH HEX"});
  }
  std::string rdata;
  size_t token = 0;
  for (Field field : layout) {
    if (token == tokens.size()) return std::unexpected(RdataError{token, "a field is missing here"});
    do {
      if (auto error = append_field(field, tokens[token], origin, rdata)) {
        return std::unexpected(RdataError{token, std::string(*error)});
      }
      ++token;
    } while (takes_the_rest(field) && token < tokens.size());
  }
  if (token < tokens.size()) return std::unexpected(RdataError{token, "there is a field too many here"});
  if (rdata.size() > kMaxRdataBytes) return std::unexpected(RdataError{0, "the data is longer than 65535 bytes"});
  return rdata;
}

std::string rdata_to_text(Type type, std::string_view rdata) {
  std::string out;
  std::span<const Field> layout = rdata_layout(type);
  if (layout.empty() || !rdata_is_well_formed(type, rdata)) {
    out = "\\# " + std::to_string(rdata.size());
    if (!rdata.empty()) out += ' ';
    print_hex(rdata, out);
    return out;
  }
  size_t at = 0;
  for (Field field : layout) {
    size_t size = *field_size(field, rdata, at);
    if (at > 0) out += ' ';
    print_field(field, rdata.substr(at, size), out);
    at += size;
  }
  return out;
}

std::optional<uint32_t> parse_period(std::string_view text) {
  if (text.empty() || !is_digit(text[0])) return std::nullopt;
  uint64_t total = 0;
  while (!text.empty()) {
    uint64_t value = 0;
    size_t digits = 0;
    for (; digits < text.size() && is_digit(text[digits]); ++digits) {
      value = value * 10 + static_cast<uint64_t>(text[digits] - '0');
      if (value > kMaxTtl) return std::nullopt;
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    uint64_t unit = 1;
    if (!text.empty()) {
      switch (ascii_lower(text[0])) {
        case 's':
          unit = 1;
          break;
        case 'm':
          unit = 60;
          break;
        case 'h':
          unit = 3600;
          break;
        case 'd':
          unit = 86400;
          break;
        case 'w':
          unit = 604800;
          break;
        default:
          return std::nullopt;
      }
      text.remove_prefix(1);
    }
    total += value * unit;
    if (total > kMaxTtl) return std::nullopt;
  }
  return static_cast<uint32_t>(total);
}

WireName rdata_target(Type type, std::string_view rdata) {
  switch (type) {
    case Type::NS:
    case Type::CNAME:
    case Type::PTR:
    case Type::DNAME:
      return rdata;
    case Type::MX:
      return rdata.substr(2);
    case Type::SRV:
      return rdata.substr(6);
    default:
      return {};
  }
}

}  // namespace trimaran::dns
