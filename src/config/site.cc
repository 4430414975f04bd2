// [site]: names, addresses and the folder of static files.
#include <fmt/format.h>

#include "config/names.h"
#include "config/tables.h"

namespace trimaran {
namespace {

constexpr size_t kMaxAliases = 1000;
constexpr size_t kMaxAddresses = 64;  // of the apex: more do not fit a DNS answer over UDP

bool read_name(const FileScope& scope, std::string_view key, PlacedText& name) {
  std::string why;
  std::optional<std::string> host = parse_host_name(name.text, why);
  if (!host) {
    scope.report(name.place, fmt::format("{}: \"{}\" is no host name: {}", key, name.text, why));
    return false;
  }
  name.text = *host;
  return true;
}

void read_domain(TableReader& reader, const FileScope& scope, SiteDraft& out) {
  if (!reader.has("domain")) {
    reader.report("domain", "[site] has no domain", "add a line such as domain = \"foobar.com\"");
    return;
  }
  PlacedText domain{"", reader.place("domain")};
  if (!reader.read_text("domain", domain.text) || !read_name(scope, "domain", domain)) return;
  out.site.domain = domain.text;
  out.domain = domain;
}

void read_aliases(TableReader& reader, const FileScope& scope, SiteDraft& out) {
  std::vector<PlacedText> aliases;
  out.default_alias = !reader.has("aliases");
  if (!reader.read_texts("aliases", aliases)) return;
  if (aliases.size() > kMaxAliases) {
    reader.report("aliases", fmt::format("aliases: more than {} names", kMaxAliases));
    return;
  }
  for (PlacedText& alias : aliases) {
    if (read_name(scope, "aliases", alias)) out.aliases.push_back(std::move(alias));
  }
}

void read_addresses(TableReader& reader, const FileScope& scope, SiteConfig& out) {
  std::vector<PlacedText> addresses;
  if (!reader.read_texts("address", addresses)) return;
  if (addresses.empty() || addresses.size() > kMaxAddresses) {
    reader.report("address",
                  fmt::format("address: expected 1 to {} addresses, found {}", kMaxAddresses, addresses.size()));
    return;
  }
  for (const PlacedText& address : addresses) {
    if (std::optional<Address> ip = parse_ip(address.text, 0)) {
      out.addresses.push_back(ip->host());
    } else {
      scope.report(address.place, fmt::format("address: \"{}\" is no IP address", address.text));
    }
  }
}

}  // namespace

void read_site(const TomlValue* table, const FileScope& scope, SiteDraft& out) {
  TableReader reader(table, "[site]", scope);
  read_domain(reader, scope, out);
  read_aliases(reader, scope, out);
  read_addresses(reader, scope, out.site);
  reader.read_folder("root", out.site.root);
  reader.report_unknown_keys();
}

}  // namespace trimaran
