// [dns]: what the zone has beyond the records that follow from the site itself. The zone text is only located here,
// with the file and line it stands at; what it says is site_zone.cc's business.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "config/names.h"
#include "config/tables.h"

namespace trimaran {
namespace {

constexpr size_t kMaxNameservers = 13;           // as many as the root has; the delegation must fit 512 bytes
constexpr Millis kMaxTtl = 7ll * 86'400 * 1000;  // resolvers cut longer ones (RFC 8767 section 4 recommends it)

void read_email(TableReader& reader, const SiteConfig& site, DnsConfig& out) {
  out.email = "hostmaster@" + site.domain;
  std::string email, why;
  if (!reader.read_text("email", email)) return;
  size_t at = email.find('@');
  bool good = at != std::string::npos && at > 0 && at <= 63 && parse_host_name(email.substr(at + 1), why) &&
              email.find_first_of(" \t\r\n\"\\();") == std::string::npos;
  if (good) {
    out.email = email;
  } else {
    reader.report("email", fmt::format("email: \"{}\" is no mail address", email));
  }
}

void read_nameservers(TableReader& reader, const FileScope& scope, const SiteConfig& site, DnsConfig& out) {
  std::vector<PlacedText> names;
  if (!reader.has("nameservers")) out.nameservers = {"ns1." + site.domain};
  if (!reader.read_texts("nameservers", names)) return;
  if (names.empty() || names.size() > kMaxNameservers) {
    reader.report("nameservers",
                  fmt::format("nameservers: expected 1 to {} names, found {}", kMaxNameservers, names.size()));
    return;
  }
  for (const PlacedText& name : names) {
    std::string why;
    if (std::optional<std::string> host = parse_host_name(name.text, why)) {
      out.nameservers.push_back(std::move(*host));
    } else {
      scope.report(name.place, fmt::format("nameservers: \"{}\" is no host name: {}", name.text, why));
    }
  }
}

// The line on which the content of the string at `place` starts: TOML drops a newline right after the opening quotes
// of a multi-line string.
int first_line_of_content(std::string_view text, Place place) {
  std::vector<std::string_view> lines = split(text, '\n');
  auto index = static_cast<size_t>(place.line - 1);
  if (place.line < 1 || index >= lines.size()) return place.line;
  std::string_view line = trim(lines[index]);
  size_t quotes = std::min(line.find("\"\"\""), line.find("'''"));
  return quotes != std::string_view::npos && quotes + 3 == line.size() ? place.line + 1 : place.line;
}

void read_zone_file(TableReader& reader, const FileScope& scope, const SourceBundle& sources, DnsConfig& out) {
  if (!reader.read_path("zone", out.records_file)) return;
  out.records_line = 1;
  const SourceBundle::File* zone = sources.find(out.records_file);
  if (zone != nullptr) {
    out.records = zone->text;
    return;
  }
  std::string_view problem = scope.problem_with_file(out.records_file);
  reader.report("zone", fmt::format("zone: {} {}", out.records_file, problem.empty() ? "cannot be read" : problem));
}

}  // namespace

void read_dns(const TomlValue* table, const FileScope& scope, const SourceBundle& sources,
              const SourceBundle::File& source, SiteConfig& out) {
  TableReader reader(table, "[dns]", scope);
  DnsConfig& dns = out.dns;
  Millis ttl = static_cast<Millis>(dns.ttl) * 1000;
  if (reader.read_duration("ttl", ttl, 0, kMaxTtl)) dns.ttl = static_cast<uint32_t>(ttl / 1000);
  read_email(reader, out, dns);
  read_nameservers(reader, scope, out, dns);
  dns.records_file = source.path;
  if (reader.has("records") && reader.has("zone")) {
    reader.report("zone", "zone: [dns] has records already", "give either records or zone; a zone file can hold all");
  }
  if (const TomlValue* records = reader.value("records")) {
    // May be empty, unlike other texts.
    if (records->kind == TomlValue::Kind::string) {
      dns.records = records->text;
      dns.records_line = first_line_of_content(source.text, records->place);
    } else {
      reader.report("records", fmt::format("records: expected a string, found {}", describe(records->kind)));
    }
  }
  if (reader.has("zone")) read_zone_file(reader, scope, sources, dns);
  reader.report_unknown_keys();
}

}  // namespace trimaran
