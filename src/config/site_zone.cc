#include "config/site_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/strings.h"
#include "dns/rdata.h"

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
  std::string generate(std::span<const dns::Zone* const> below) {
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
      if (alias != site_.domain && is_inside(alias)) add_alias(absolute(alias));
    }
    for (const dns::Zone* zone : below) delegate(*zone, servers);
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
  // A CNAME can have nothing beside it, so a name with a TXT record of the user's gets the addresses themselves: it is
  // still a name of the site.
  void add_alias(const std::string& alias) {
    if (!has_any(alias)) {
      text_ += fmt::format("{} CNAME @\n", alias);
    } else if (!has(alias, dns::Type::NS)) {
      add_addresses(alias);
    }
  }
  void add_addresses(const std::string& owner) {
    bool given = has(owner, dns::Type::A) || has(owner, dns::Type::AAAA) || has(owner, dns::Type::CNAME);
    if (given) return;
    for (const std::string& address : site_.addresses) {
      text_ += fmt::format("{} {} {}\n", owner, address.find(':') == std::string::npos ? "A" : "AAAA", address);
    }
  }

  // Without the cut this zone would deny the DS of that name and the empty names above it, and a resolver takes an
  // NXDOMAIN for the end of everything at and below a name (RFC 2308 section 5, RFC 8020).
  void delegate(const dns::Zone& zone, const std::vector<std::string>& servers) {
    std::string cut = dns::name_to_text(zone.apex());
    if (has(cut, dns::Type::NS) || is_taken(cut)) return;
    for (const dns::Record& record : zone.nodes()[0].find(dns::Type::NS)->records) {
      dns::Name target = dns::Name(record.rdata).lowered();
      std::string server = target.to_text();
      if (is_taken(server)) continue;
      bool is_glue = dns::is_at_or_below(target.wire(), zone.apex());
      std::string glue = is_glue ? addresses_in(zone, target) : "";
      // A server that has no address here cannot be found from here.
      bool found = has(server, dns::Type::A) || has(server, dns::Type::AAAA) || !glue.empty() ||
                   !dns::is_at_or_below(target.wire(), name_of("@").wire()) ||
                   std::any_of(servers.begin(), servers.end(),
                               [&](const std::string& own) { return name_of(absolute(own)) == target; });
      if (found) text_ += fmt::format("{} NS {}\n{}", cut, server, glue);
    }
  }
  // Nothing can stand beside an alias, or below a DNAME.
  bool is_taken(std::string_view owner) const {
    dns::Name name = name_of(owner);
    auto is_alias = [&](const std::string& alias) { return name_of(absolute(alias)) == name; };
    if (has(owner, dns::Type::CNAME)) return true;
    if (!has_any(owner) && std::any_of(site_.aliases.begin(), site_.aliases.end(), is_alias)) return true;
    return std::any_of(draft_.records.begin(), draft_.records.end(), [&](const dns::Record& record) {
      return record.type == dns::Type::DNAME && dns::is_at_or_below(name.wire(), record.owner.wire());
    });
  }
  std::string addresses_in(const dns::Zone& zone, const dns::Name& host) const {
    std::string text;
    const dns::Node* node = zone.find(host.wire());
    for (dns::Type type : {dns::Type::A, dns::Type::AAAA}) {
      const dns::RrSet* set = node == nullptr || has(host.to_text(), type) ? nullptr : node->find(type);
      if (set == nullptr) continue;
      for (const dns::Record& record : set->records) {
        text +=
            fmt::format("{} {} {}\n", host.to_text(), dns::type_to_text(type), dns::rdata_to_text(type, record.rdata));
      }
    }
    return text;
  }

  const SiteConfig& site_;
  const dns::ZoneDraft& draft_;
  std::string text_;
};

dns::ZoneTextOptions own_text(const SiteConfig& site, const dns::Name& origin) {
  return {.file = site.dns.records_file.empty() ? site.file : site.dns.records_file,
          .origin = origin,
          .default_ttl = site.dns.ttl,
          .first_line = site.dns.records_line};
}

}  // namespace

std::optional<dns::Zone> build_site_zone(const SiteConfig& site, std::span<const dns::Zone* const> below,
                                         Diagnostics& mistakes) {
  std::expected<dns::Name, std::string_view> apex = dns::Name::from_text(site.domain);
  if (!apex) {
    mistakes.push_back(
        {site.file, 0, 0, fmt::format("\"{}\" is not a domain name: {}", site.domain, apex.error()), ""});
    return std::nullopt;
  }
  dns::ZoneDraft draft;
  dns::parse_zone_text(site.dns.records, own_text(site, *apex), draft);
  std::string generated = SiteZone(site, draft).generate(below);
  size_t own_records = draft.records.size();
  dns::parse_zone_text(generated, {.file = site.file, .origin = *apex, .default_ttl = site.dns.ttl}, draft);
  // The lines of generated text are not lines of any file the user has.
  for (size_t i = own_records; i < draft.records.size(); ++i) draft.records[i].line = 0;
  return dns::Zone::build(*apex, std::move(draft), mistakes);
}

void check_zone_text(const SiteConfig& site, Diagnostics& mistakes) {
  dns::ZoneDraft draft;
  auto nowhere = dns::Name::from_text("invalid.");  // RFC 6761 section 6.4
  dns::parse_zone_text(site.dns.records, own_text(site, nowhere.value_or(dns::Name())), draft);
  mistakes.insert(mistakes.end(), draft.mistakes.begin(), draft.mistakes.end());
}

std::vector<dns::Zone> build_zones(const Config& config, Diagnostics& mistakes) {
  const std::vector<SiteConfig>& sites = config.sites;
  std::map<std::string_view, size_t> by_domain;
  for (size_t i = 0; i < sites.size(); ++i) by_domain.emplace(sites[i].domain, i);
  std::vector<size_t> order(sites.size());
  std::iota(order.begin(), order.end(), size_t{0});
  // A domain is longer than the one it lies in, so each zone finds those below it built.
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sites[a].domain.size() > sites[b].domain.size(); });
  std::vector<std::optional<dns::Zone>> built(sites.size());
  std::vector<std::vector<const dns::Zone*>> below(sites.size());
  for (size_t i : order) {
    if (sites[i].domain.empty()) continue;  // a mistake of the site file
    built[i] = build_site_zone(sites[i], below[i], mistakes);
    if (!built[i]) continue;
    std::string_view above = sites[i].domain;
    for (size_t dot; (dot = above.find('.')) != std::string_view::npos;) {
      above.remove_prefix(dot + 1);
      auto found = by_domain.find(above);
      if (found == by_domain.end()) continue;
      below[found->second].push_back(&*built[i]);
      break;
    }
  }
  std::vector<dns::Zone> zones;
  for (std::optional<dns::Zone>& zone : built) {
    if (zone) zones.push_back(std::move(*zone));
  }
  return zones;
}

}  // namespace trimaran
