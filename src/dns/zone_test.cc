#include "dns/zone.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/strings.h"
#include "dns/rdata.h"
#include "dns/snapshot.h"

namespace trimaran::dns {
namespace {

constexpr std::string_view kHead = "@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 1.1.1.1\n";

std::vector<std::string> mistakes_in(std::string_view text, std::string_view head = kHead) {
  ZoneDraft draft;
  Name apex = *Name::from_text("foobar.com.");
  parse_zone_text(std::string(head) + std::string(text), {.file = "z", .origin = apex, .default_ttl = 3600}, draft);
  Diagnostics mistakes;
  std::optional<Zone> zone = Zone::build(apex, std::move(draft), mistakes);
  EXPECT_EQ(zone.has_value(), mistakes.empty());
  std::vector<std::string> out;
  for (const Diagnostic& mistake : mistakes) out.emplace_back(trim(format_diagnostic(mistake)));
  return out;
}

using Lines = std::vector<std::string>;

TEST(Zone, AcceptsAGoodZone) { EXPECT_EQ(mistakes_in(""), Lines{}); }

TEST(Zone, NeedsOneSoaAndNameServers) {
  EXPECT_EQ(mistakes_in("a A 1.1.1.1\n", ""),
            (Lines{"z: error: zone foobar.com. has no SOA record", "z: error: zone foobar.com. has no NS record"}));
  EXPECT_EQ(mistakes_in("@ SOA ns h 2 2 3 4 5\n"), (Lines{"z:4: error: zone foobar.com. has a second SOA record"}));
  EXPECT_EQ(mistakes_in("@ SOA ns h 0 2 3 4 5\n"), (Lines{"z:4: error: zone foobar.com. has a second SOA record"}));
  EXPECT_EQ(mistakes_in("@ SOA NS h 1 2 3 4 5\n"), Lines{});  // the same one twice is one
  EXPECT_EQ(mistakes_in("a SOA ns h 1 2 3 4 5\n"), (Lines{"z:4: error: an SOA record belongs at the apex only"}));
}

TEST(Zone, RefusesNamesOutsideIt) {
  EXPECT_EQ(mistakes_in("www.example.org. A 1.1.1.1\n"),
            (Lines{"z:4: error: www.example.org. is outside the zone foobar.com."}));
}

TEST(Zone, KeepsCnameAlone) {
  EXPECT_EQ(mistakes_in("www CNAME @\nwww A 1.1.1.1\n"),
            (Lines{"z:4: error: www.foobar.com. has a CNAME beside other records; keep one or the other"}));
  EXPECT_EQ(mistakes_in("@ CNAME x.net.\n"), (Lines{"z:4: error: foobar.com. has a CNAME beside other records; "
                                                    "the apex always has SOA and NS; give it A and AAAA records"}));
  EXPECT_EQ(mistakes_in("www CNAME a\nwww CNAME b\n"), (Lines{"z:5: error: www.foobar.com. has two CNAME records"}));
}

TEST(Zone, WantsGlueAndRealTargets) {
  EXPECT_EQ(mistakes_in("@ NS ns2\n"),
            (Lines{"z:4: error: name server ns2.foobar.com. has no A or AAAA record in this zone; add its address here "
                   "(glue)"}));
  EXPECT_EQ(mistakes_in("sub NS ns.sub\n"),
            (Lines{"z:4: error: name server ns.sub.foobar.com. has no A or AAAA record in this zone; add its address "
                   "here (glue)"}));
  EXPECT_EQ(mistakes_in("sub NS ns.sub\nns.sub AAAA ::1\nother NS ns.sub\nthird NS unknown.sub\n"), Lines{});
  EXPECT_EQ(
      mistakes_in("mail CNAME ns\n@ MX 5 mail\n"),
      (Lines{"z:5: error: MX points to mail.foobar.com., which is a CNAME; point it to the name behind the CNAME"}));
  EXPECT_EQ(
      mistakes_in("ns3 CNAME ns\n@ NS ns3\n"),
      (Lines{"z:5: error: NS points to ns3.foobar.com., which is a CNAME; point it to the name behind the CNAME"}));
  EXPECT_EQ(mistakes_in("@ MX 0 .\n@ MX 1 mail.elsewhere.net.\n"), Lines{});
}

TEST(Zone, RefusesWhatWildcardsAndDnamesCannotDo) {
  EXPECT_EQ(mistakes_in("*.x NS ns.net.\n"), (Lines{"z:4: error: a wildcard cannot be delegated"}));
  EXPECT_EQ(mistakes_in("d DNAME a\na.b.d A 1.1.1.1\n"),
            (Lines{"z:5: error: this name is hidden by the DNAME of d.foobar.com."}));
  EXPECT_EQ(mistakes_in("d DNAME a\nd DNAME b\n"), (Lines{"z:5: error: d.foobar.com. has two DNAME records"}));
}

Zone good_zone(std::string_view text) {
  ZoneDraft draft;
  Name apex = *Name::from_text("foobar.com.");
  parse_zone_text(std::string(kHead) + std::string(text), {.file = "z", .origin = apex, .default_ttl = 3600}, draft);
  Diagnostics mistakes;
  return *Zone::build(apex, std::move(draft), mistakes);
}

TEST(Zone, MakesSetsOfWhatBelongsTogether) {
  Zone zone = good_zone("www 60 A 2.2.2.2\nx A 3.3.3.3\nWWW A 1.1.1.1\nwww A 2.2.2.2\nwww TXT t\n");
  const Node* node = zone.find(Name::from_text("www.foobar.com.")->wire());
  ASSERT_NE(node, nullptr);
  ASSERT_EQ(node->sets.size(), 2u);
  EXPECT_EQ(node->sets[0].type, Type::A);
  EXPECT_EQ(node->sets[0].records.size(), 2u);  // the duplicate is gone
  EXPECT_EQ(node->sets[0].ttl, 60u);            // RFC 2181 section 5.2
  EXPECT_EQ(zone.negative_ttl(), 5u);
}

// Names that differ in case only were two records, and one and the same in an answer with compressed names.
TEST(Zone, TakesRecordsThatDifferInTheCaseOfANameForOne) {
  Zone zone = good_zone(
      "@ MX 65 b.x.\n@ MX 97 b.x.\n@ 9 MX 65 B.X.\n@ MX 66 a.x.\nc CNAME Www\nc CNAME wWW\n@ TXT a\n@ TXT A\n");
  const Node& apex = zone.nodes()[0];
  EXPECT_EQ(apex.find(Type::MX)->records.size(), 3u);
  EXPECT_EQ(apex.find(Type::MX)->ttl, 9u);
  EXPECT_EQ(apex.find(Type::TXT)->records.size(), 2u);
  const RrSet& alias = *zone.find(Name::from_text("c.foobar.com.")->wire())->find(Type::CNAME);
  ASSERT_EQ(alias.records.size(), 1u);
  EXPECT_EQ(rdata_to_text(Type::CNAME, alias.records[0].rdata), "Www.foobar.com.") << "as it was stated first";
}

TEST(Zone, KnowsEmptyNonTerminals) {
  Zone zone = good_zone("a.b.c A 1.1.1.1\nz.b.c A 1.1.1.1\nb.c TXT late\n");
  EXPECT_NE(zone.find(Name::from_text("c.foobar.com.")->wire()), nullptr);
  EXPECT_EQ(zone.find(Name::from_text("b.c.foobar.com.")->wire())->sets.size(), 1u);
  EXPECT_EQ(zone.nodes().size(), 6u);
}

// The promise is 0.5 s in a release build; this bound only catches a loop that became quadratic, in any build.
TEST(Zone, LoadsAHundredThousandRecords) {
  std::string text(kHead);
  for (int i = 0; i < 100'000; ++i) {
    text += "host" + std::to_string(i) + " 3600 IN A 10." + std::to_string(i / 65536) + "." +
            std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) + "\n";
  }
  auto start = std::chrono::steady_clock::now();
  std::vector<Zone> zones;
  ZoneDraft draft;
  Name apex = *Name::from_text("foobar.com.");
  parse_zone_text(text, {.file = "z", .origin = apex, .default_ttl = 3600}, draft);
  auto parsed = std::chrono::steady_clock::now();
  Diagnostics mistakes;
  zones.push_back(*Zone::build(apex, std::move(draft), mistakes));
  auto built = std::chrono::steady_clock::now();
  Snapshot snapshot(std::move(zones));
  auto end = std::chrono::steady_clock::now();
  auto ms = [](auto span) { return std::chrono::duration_cast<std::chrono::milliseconds>(span).count(); };
  printf("100,003 records: parse %ld ms, build %ld ms, compile %ld ms\n", ms(parsed - start), ms(built - parsed),
         ms(end - built));
  EXPECT_EQ(snapshot.compiled_count(), 100'003u);
  EXPECT_LT(ms(end - start), 10'000);
}

}  // namespace
}  // namespace trimaran::dns
