#include "config/site_zone.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace trimaran {
namespace {

SiteConfig foobar() {
  SiteConfig site;
  site.file = "trimaran.toml";
  site.domain = "foobar.com";
  site.aliases = {"www.foobar.com"};
  site.addresses = {"8.8.8.8", "2001:db8::8"};
  site.serial = 42;
  site.dns.records_line = 20;
  return site;
}

std::vector<std::string> zone_of(const SiteConfig& site) {
  Diagnostics mistakes;
  std::optional<dns::Zone> zone = build_site_zone(site, mistakes);
  std::vector<std::string> out;
  for (const Diagnostic& mistake : mistakes) out.emplace_back(trim(format_diagnostic(mistake)));
  EXPECT_EQ(zone.has_value(), mistakes.empty());
  if (!zone) return out;
  std::string text = dns::zone_to_text(*zone);
  for (std::string_view line : split(trim(text), '\n')) out.emplace_back(line);
  std::sort(out.begin(), out.end());
  return out;
}

using Lines = std::vector<std::string>;

TEST(SiteZone, FollowsFromTheSite) {
  EXPECT_EQ(zone_of(foobar()),
            (Lines{"foobar.com. 3600 IN A 8.8.8.8", "foobar.com. 3600 IN AAAA 2001:db8::8",
                   "foobar.com. 3600 IN NS ns1.foobar.com.",
                   "foobar.com. 3600 IN SOA ns1.foobar.com. hostmaster.foobar.com. 42 7200 3600 1209600 300",
                   "ns1.foobar.com. 3600 IN A 8.8.8.8", "ns1.foobar.com. 3600 IN AAAA 2001:db8::8",
                   "www.foobar.com. 3600 IN CNAME foobar.com."}));
}

TEST(SiteZone, TakesNameServersMailboxAndTtlFromTheSiteFile) {
  SiteConfig site = foobar();
  site.addresses = {"8.8.8.8"};
  site.aliases = {"www.foobar.com", "foobar.net", "foobar.com"};
  site.dns.ttl = 60;
  site.dns.email = "host.master@example.org";
  site.dns.nameservers = {"a.foobar.com", "b.elsewhere.net"};
  EXPECT_EQ(zone_of(site),
            (Lines{"a.foobar.com. 60 IN A 8.8.8.8", "foobar.com. 60 IN A 8.8.8.8", "foobar.com. 60 IN NS a.foobar.com.",
                   "foobar.com. 60 IN NS b.elsewhere.net.",
                   "foobar.com. 60 IN SOA a.foobar.com. host\\.master.example.org. 42 7200 3600 1209600 300",
                   "www.foobar.com. 60 IN CNAME foobar.com."}));
}

TEST(SiteZone, LetsTheUsersRecordsWin) {
  SiteConfig site = foobar();
  site.dns.records =
      "@ A 9.9.9.9\n@ MX 10 mail\nmail A 7.7.7.7\nwww 30 A 6.6.6.6\n@ NS ns9\nns9 A 5.5.5.5\nns1 A 4.4.4.4\n"
      "@ SOA ns9 me 1 2 3 4 5\n";
  EXPECT_EQ(zone_of(site), (Lines{"foobar.com. 3600 IN A 9.9.9.9", "foobar.com. 3600 IN MX 10 mail.foobar.com.",
                                  "foobar.com. 3600 IN NS ns9.foobar.com.",
                                  "foobar.com. 3600 IN SOA ns9.foobar.com. me.foobar.com. 1 2 3 4 5",
                                  "mail.foobar.com. 3600 IN A 7.7.7.7", "ns1.foobar.com. 3600 IN A 4.4.4.4",
                                  "ns9.foobar.com. 3600 IN A 5.5.5.5", "www.foobar.com. 30 IN A 6.6.6.6"}));
}

TEST(SiteZone, NamesMistakesByTheirLineInTheFile) {
  SiteConfig site = foobar();
  site.dns.records = "mail A 1.2.3\nexample.org. A 1.1.1.1\n";
  EXPECT_EQ(zone_of(site), (Lines{"trimaran.toml:20:8: error: this is not an IPv4 address",
                                  "trimaran.toml:21: error: example.org. is outside the zone foobar.com."}));
  site.dns.records = "@ MX 10 www\n";
  site.dns.records_file = "extra.zone";
  site.dns.records_line = 1;
  EXPECT_EQ(zone_of(site),
            (Lines{"extra.zone:1: error: MX points to www.foobar.com., which is a CNAME; point it to the "
                   "name behind the CNAME"}));
}

TEST(SiteZone, SaysThatASiteWithoutAddressCannotBeFound) {
  SiteConfig site = foobar();
  site.addresses.clear();
  EXPECT_EQ(zone_of(site), (Lines{"trimaran.toml: error: name server ns1.foobar.com. has no A or AAAA record in this "
                                  "zone; add its address here (glue)"}));
}

TEST(SiteZone, BuildsEveryZoneOfTheConfiguration) {
  Config config;
  config.sites = {foobar(), foobar()};
  config.sites[1].domain = "other.org";
  config.sites[1].aliases = {"www.other.org"};
  Diagnostics mistakes;
  EXPECT_EQ(build_zones(config, mistakes).size(), 2u);
  EXPECT_TRUE(mistakes.empty());
}

}  // namespace
}  // namespace trimaran
