#include "dns/types.h"

#include "base/strings.h"

namespace trimaran::dns {
namespace {

struct TypeName {
  std::string_view name;
  Type type;
};

// The frequent ones first: zone text asks this table once a record.
constexpr TypeName kTypeNames[] = {
    {"A", Type::A},         {"AAAA", Type::AAAA},     {"CNAME", Type::CNAME}, {"MX", Type::MX},
    {"TXT", Type::TXT},     {"NS", Type::NS},         {"PTR", Type::PTR},     {"SRV", Type::SRV},
    {"CAA", Type::CAA},     {"SOA", Type::SOA},       {"DNAME", Type::DNAME}, {"HTTPS", Type::HTTPS},
    {"SVCB", Type::SVCB},   {"TLSA", Type::TLSA},     {"SSHFP", Type::SSHFP}, {"NAPTR", Type::NAPTR},
    {"DS", Type::DS},       {"ANY", Type::ANY},       {"OPT", Type::OPT},     {"AXFR", Type::AXFR},
    {"IXFR", Type::IXFR},   {"TSIG", Type::TSIG},     {"TKEY", Type::TKEY},   {"MAILA", Type::MAILA},
    {"MAILB", Type::MAILB}, {"HINFO", Type::HINFO},   {"MINFO", Type::MINFO}, {"RP", Type::RP},
    {"AFSDB", Type::AFSDB}, {"SMIMEA", Type::SMIMEA}, {"CDS", Type::CDS},     {"SPF", Type::SPF},
    {"URI", Type::URI},
};

// "PREFIXnnn" with nnn below 65536.
std::optional<uint16_t> numbered(std::string_view text, std::string_view prefix) {
  if (text.size() <= prefix.size() || !iequals(text.substr(0, prefix.size()), prefix)) return std::nullopt;
  std::optional<uint64_t> number = parse_u64(text.substr(prefix.size()));
  if (!number || *number > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

}  // namespace

std::string type_to_text(Type type) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.type == type) return std::string(entry.name);
  }
  return "TYPE" + std::to_string(static_cast<uint16_t>(type));
}

std::optional<Type> type_from_text(std::string_view text) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.name.size() == text.size() && iequals(entry.name, text)) return entry.type;
  }
  std::optional<uint16_t> number = numbered(text, "TYPE");
  if (!number) return std::nullopt;
  return static_cast<Type>(*number);
}

std::optional<uint16_t> class_from_text(std::string_view text) {
  if (iequals(text, "IN")) return kClassIn;
  if (iequals(text, "CS")) return uint16_t{2};
  if (iequals(text, "CH")) return uint16_t{3};
  if (iequals(text, "HS")) return uint16_t{4};
  return numbered(text, "CLASS");
}

std::string_view rcode_to_text(Rcode rcode) {
  switch (rcode) {
    case Rcode::NOERROR:
      return "NOERROR";
    case Rcode::FORMERR:
      return "FORMERR";
    case Rcode::SERVFAIL:
      return "SERVFAIL";
    case Rcode::NXDOMAIN:
      return "NXDOMAIN";
    case Rcode::NOTIMP:
      return "NOTIMP";
    case Rcode::REFUSED:
      return "REFUSED";
    case Rcode::YXDOMAIN:
      return "YXDOMAIN";
    case Rcode::BADVERS:
      return "BADVERS";
  }
  return "RESERVED";
}

bool is_meta_type(Type type) {
  uint16_t number = static_cast<uint16_t>(type);
  return number == 0 || type == Type::OPT || (number >= 128 && number <= 255);
}

}  // namespace trimaran::dns
