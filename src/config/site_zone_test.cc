#include "config/site_zone.h"

#include <fmt/ranges.h>
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
  std::optional<dns::Zone> zone = build_site_zone(site, {}, mistakes);
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

// A TXT record for www, as search engines want one, had taken www out of the zone.
TEST(SiteZone, KeepsAnAliasThatHasOtherRecords) {
  SiteConfig site = foobar();
  site.aliases = {"www.foobar.com", "a.foobar.com", "sub.foobar.com"};
  site.addresses = {"8.8.8.8"};
  site.dns.records = "www TXT proof\na AAAA ::1\na TXT x\nsub NS ns.elsewhere.net.\n";
  Lines zone = zone_of(site);
  EXPECT_EQ(zone.size(), 9u) << fmt::format("{}", fmt::join(zone, "\n"));
  for (std::string_view line : {"www.foobar.com. 3600 IN A 8.8.8.8", "www.foobar.com. 3600 IN TXT \"proof\"",
                                "a.foobar.com. 3600 IN AAAA ::1", "sub.foobar.com. 3600 IN NS ns.elsewhere.net."}) {
    EXPECT_TRUE(std::find(zone.begin(), zone.end(), line) != zone.end()) << line;
  }
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

SiteConfig site_of(std::string domain, std::string address) {
  SiteConfig site = foobar();
  site.domain = std::move(domain);
  site.aliases = {};
  site.addresses = {std::move(address)};
  return site;
}

// Without a cut in the upper zone, "does eu.foobar.com exist?" was NXDOMAIN, and so was the DS of shop.eu.foobar.com.
TEST(SiteZone, DelegatesToASiteThatLiesBelowAnother) {
  Config config;
  config.sites = {site_of("foobar.com", "8.8.8.8"), site_of("a.shop.eu.foobar.com", "8.8.8.1"),
                  site_of("shop.eu.foobar.com", "8.8.8.2"), site_of("blog.foobar.com", "8.8.8.3")};
  config.sites[3].dns.nameservers = {"ns1.foobar.com", "ns.elsewhere.net", "nowhere.foobar.com"};
  Diagnostics mistakes;
  std::vector<dns::Zone> zones = build_zones(config, mistakes);
  ASSERT_EQ(zones.size(), 4u);
  EXPECT_TRUE(mistakes.empty());
  std::string text = dns::zone_to_text(zones[0]);
  EXPECT_NE(text.find("shop.eu.foobar.com. 3600 IN NS ns1.shop.eu.foobar.com.\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ns1.shop.eu.foobar.com. 3600 IN A 8.8.8.2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("blog.foobar.com. 3600 IN NS ns.elsewhere.net.\n"), std::string::npos) << text;
  EXPECT_NE(text.find("blog.foobar.com. 3600 IN NS ns1.foobar.com.\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("nowhere"), std::string::npos) << "a name server without an address";
  EXPECT_EQ(text.find("a.shop"), std::string::npos) << "that is the matter of the zone in between";
  EXPECT_EQ(zones[1].apex(), dns::Name::from_text("a.shop.eu.foobar.com.")->wire()) << "in the order of the sites";
  EXPECT_NE(dns::zone_to_text(zones[2]).find("a.shop.eu.foobar.com. 3600 IN NS"), std::string::npos);
}

TEST(SiteZone, LeavesADelegationAsTheUserWroteIt) {
  Config config;
  config.sites = {site_of("foobar.com", "8.8.8.8"),   site_of("a.foobar.com", "8.8.8.1"),
                  site_of("b.foobar.com", "8.8.8.2"), site_of("x.c.foobar.com", "8.8.8.3"),
                  site_of("d.foobar.com", "8.8.8.4"), site_of("e.foobar.com", "8.8.8.5")};
  config.sites[0].dns.records =
      "a NS ns.elsewhere.net.\nb CNAME www.elsewhere.net.\nc DNAME d.elsewhere.net.\nns1.d A 9.9.9.9\n";
  config.sites[0].aliases = {"ns1.e.foobar.com"};
  Diagnostics mistakes;
  std::vector<dns::Zone> zones = build_zones(config, mistakes);
  EXPECT_TRUE(mistakes.empty());
  ASSERT_EQ(zones.size(), 6u);
  std::string text = dns::zone_to_text(zones[0]);
  EXPECT_EQ(text.find("ns1.a."), std::string::npos) << text;
  EXPECT_EQ(text.find("ns1.b."), std::string::npos) << text;
  EXPECT_EQ(text.find("x.c."), std::string::npos) << text;
  EXPECT_NE(text.find("d.foobar.com. 3600 IN NS ns1.d.foobar.com.\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("8.8.8.4"), std::string::npos) << text;
  EXPECT_NE(text.find("ns1.e.foobar.com. 3600 IN CNAME foobar.com.\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace trimaran
