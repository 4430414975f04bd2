#include "config/site_zone.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace trimaran {
namespace {

// Timers of the SOA (RIPE-203 recommends 24 h, 2 h, 1000 h, 2 d for zones with transfers). Ours has none yet, so only
// the last one works: how long a resolver believes that a name does not exist.
constexpr std::string_view kSoaTimers = "7200 3600 1209600 300";

std::string absolute(std::string_view name) { return std::string(name) + (name.ends_with('.') ? "" : "."); }

// "host.master@foobar.com" as the name host\.master.foobar.com. (RFC 1035 section 8).
std::string mailbox(const SiteConfig& site) {
  std::string email = site.dns.email.empty() ? "hostmaster@" + site.domain : site.dns.email;
  size_t at = email.find('@');
  std::string local = email.substr(0, at);
  for (size_t dot = 0; (dot = local.find('.', dot)) != std::string::npos; dot += 2) local.insert(dot, 1, '\\');
  return local + "." + absolute(at == std::string::npos ? site.domain : email.substr(at + 1));
}

class SiteZone {
 public:
  SiteZone(const SiteConfig& site, dns::ZoneDraft& draft) : site_(site), draft_(draft) {}

  // Which records the site implies, as zone text without those that the user wrote himself.
  std::string generate() {
    std::vector<std::string> servers = site_.dns.nameservers;
    if (servers.empty()) servers.push_back("ns1." + site_.domain);
    if (!has("@", dns::Type::SOA)) {
      text_ += fmt::format("@ SOA {} {} {} {}\n", absolute(servers[0]), mailbox(site_), site_.serial, kSoaTimers);
    }
    if (!has("@", dns::Type::NS)) {
      for (const std::string& server : servers) text_ += fmt::format("@ NS {}\n", absolute(server));
    }
    add_addresses("@");
    for (const std::string& server : servers) {
      if (is_inside(server)) add_addresses(absolute(server));
    }
    for (const std::string& alias : site_.aliases) {
      if (alias != site_.domain && is_inside(alias) && !has_any(absolute(alias))) {
        text_ += fmt::format("{} CNAME @\n", absolute(alias));
      }
    }
    return text_;
  }

 private:
  dns::Name name_of(std::string_view text) const {
    std::string whole = text == "@" ? absolute(site_.domain) : std::string(text);
    return dns::Name::from_text(whole).value_or(dns::Name()).lowered();
  }
  bool is_inside(std::string_view name) const {
    return dns::is_at_or_below(name_of(absolute(name)).wire(), name_of("@").wire());
  }
  bool has(std::string_view owner, dns::Type type) const {
    dns::Name name = name_of(owner);
    for (const dns::Record& record : draft_.records) {
      if (record.type == type && record.owner == name) return true;
    }
    return false;
  }
  bool has_any(std::string_view owner) const {
    dns::Name name = name_of(owner);
    for (const dns::Record& record : draft_.records) {
      if (record.owner == name) return true;
    }
    return false;
  }
  void add_addresses(const std::string& owner) {
    bool given = has(owner, dns::Type::A) || has(owner, dns::Type::AAAA) || has(owner, dns::Type::CNAME);
    if (given) return;
    for (const std::string& address : site_.addresses) {
      text_ += fmt::format("{} {} {}\n", owner, address.find(':') == std::string::npos ? "A" : "AAAA", address);
    }
  }

  const SiteConfig& site_;
  const dns::ZoneDraft& draft_;
  std::string text_;
};

}  // namespace

std::optional<dns::Zone> build_site_zone(const SiteConfig& site, Diagnostics& mistakes) {
  std::expected<dns::Name, std::string_view> apex = dns::Name::from_text(site.domain);
  if (!apex) {
    mistakes.push_back(
        {site.file, 0, 0, fmt::format("\"{}\" is not a domain name: {}", site.domain, apex.error()), ""});
    return std::nullopt;
  }
  dns::ZoneDraft draft;
  dns::ZoneTextOptions own{.file = site.dns.records_file.empty() ? site.file : site.dns.records_file,
                           .origin = *apex,
                           .default_ttl = site.dns.ttl,
                           .first_line = site.dns.records_line};
  dns::parse_zone_text(site.dns.records, own, draft);
  std::string generated = SiteZone(site, draft).generate();
  size_t own_records = draft.records.size();
  dns::parse_zone_text(generated, {.file = site.file, .origin = *apex, .default_ttl = site.dns.ttl}, draft);
  // The lines of generated text are not lines of any file the user has.
  for (size_t i = own_records; i < draft.records.size(); ++i) draft.records[i].line = 0;
  return dns::Zone::build(*apex, std::move(draft), mistakes);
}

std::vector<dns::Zone> build_zones(const Config& config, Diagnostics& mistakes) {
  std::vector<dns::Zone> zones;
  for (const SiteConfig& site : config.sites) {
    if (std::optional<dns::Zone> zone = build_site_zone(site, mistakes)) zones.push_back(std::move(*zone));
  }
  return zones;
}

}  // namespace trimaran
