#include "dns/zone_text.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "dns/rdata.h"

namespace trimaran::dns {
namespace {

ZoneDraft parse(std::string_view text, std::optional<uint32_t> default_ttl = 3600) {
  ZoneDraft draft;
  parse_zone_text(text, {.file = "z", .origin = *Name::from_text("foobar.com."), .default_ttl = default_ttl}, draft);
  return draft;
}

std::vector<std::string> lines(const ZoneDraft& draft) {
  std::vector<std::string> out;
  for (const Record& record : draft.records) {
    out.push_back(record.owner.to_text() + " " + std::to_string(record.ttl) + " " + type_to_text(record.type) + " " +
                  rdata_to_text(record.type, record.rdata));
  }
  for (const Diagnostic& mistake : draft.mistakes) out.emplace_back(trim(format_diagnostic(mistake)));
  return out;
}

using Lines = std::vector<std::string>;
Lines read(std::string_view text, std::optional<uint32_t> default_ttl = 3600) {
  return lines(parse(text, default_ttl));
}

TEST(ZoneText, ReadsTheExampleOfRfc1035) {
  EXPECT_EQ(read("$ORIGIN ISI.EDU.\n"
                 "@   IN  SOA     VENERA      Action\\.domains (\n"
                 "                                 20     ; SERIAL\n"
                 "                                 7200   ; REFRESH\n"
                 "                                 600    ; RETRY\n"
                 "                                 3600000; EXPIRE\n"
                 "                                 60)    ; MINIMUM\n"
                 "\n"
                 "        NS      A.ISI.EDU.\n"
                 "        MX      10      VENERA\n"
                 "A       A       26.3.0.103\n",
                 std::nullopt),
            (Lines{"isi.edu. 60 SOA VENERA.ISI.EDU. Action\\.domains.ISI.EDU. 20 7200 600 3600000 60",
                   "isi.edu. 60 NS A.ISI.EDU.", "isi.edu. 60 MX 10 VENERA.ISI.EDU.", "a.isi.edu. 60 A 26.3.0.103"}));
}

TEST(ZoneText, TakesTtlAndClassInEitherOrderOrNotAtAll) {
  EXPECT_EQ(read("a 1h IN A 1.2.3.4\nb IN 2h A 1.2.3.4\nc A 1.2.3.4\nd CLASS1 A 1.2.3.4\ne 1d12h30m5s A 1.2.3.4\n"),
            (Lines{"a.foobar.com. 3600 A 1.2.3.4", "b.foobar.com. 7200 A 1.2.3.4", "c.foobar.com. 3600 A 1.2.3.4",
                   "d.foobar.com. 3600 A 1.2.3.4", "e.foobar.com. 131405 A 1.2.3.4"}));
}

TEST(ZoneText, TtlComesFromTheRecordThenTheDirectiveThenTheLastOne) {
  EXPECT_EQ(read("a 5 A 1.2.3.4\nb A 1.2.3.4\n$TTL 1m\nc A 1.2.3.4\nd 7 A 1.2.3.4\ne A 1.2.3.4\n", std::nullopt),
            (Lines{"a.foobar.com. 5 A 1.2.3.4", "b.foobar.com. 5 A 1.2.3.4", "c.foobar.com. 60 A 1.2.3.4",
                   "d.foobar.com. 7 A 1.2.3.4", "e.foobar.com. 60 A 1.2.3.4"}));
  EXPECT_EQ(read("a A 1.2.3.4\n", std::nullopt),
            (Lines{"z:1:3: error: this record has no TTL; put $TTL 1h at the top"}));
}

TEST(ZoneText, BlankOwnerMeansThePreviousOneEvenAcrossOrigin) {
  EXPECT_EQ(read("www A 1.2.3.4\n$ORIGIN sub\n AAAA ::1\n\tTXT x ; comment\n@ A 1.1.1.1\n"),
            (Lines{"www.foobar.com. 3600 A 1.2.3.4", "www.foobar.com. 3600 AAAA ::1", "www.foobar.com. 3600 TXT \"x\"",
                   "sub.foobar.com. 3600 A 1.1.1.1"}));
}

TEST(ZoneText, ReadsEveryTypeItKnows) {
  std::string_view text =
      "a PTR b\na TXT \"v=spf1 -all\" plain \"q\\\"\\\\\\009;\"\na CAA 0 issue \"letsencrypt.org\"\n"
      "a SRV 1 2 443 www\na DNAME x.y.\na TLSA 3 1 1 AB cd\na SSHFP 4 2 00ff\na DS 60485 8 2 D4B7\n"
      "a NAPTR 100 50 \"s\" \"http\" \"\" _http._tcp.foobar.com.\n";
  EXPECT_EQ(read(text), (Lines{"a.foobar.com. 3600 PTR b.foobar.com.",
                               "a.foobar.com. 3600 TXT \"v=spf1 -all\" \"plain\" \"q\\\"\\\\\\009;\"",
                               "a.foobar.com. 3600 CAA 0 issue \"letsencrypt.org\"",
                               "a.foobar.com. 3600 SRV 1 2 443 www.foobar.com.", "a.foobar.com. 3600 DNAME x.y.",
                               "a.foobar.com. 3600 TLSA 3 1 1 abcd", "a.foobar.com. 3600 SSHFP 4 2 00ff",
                               "a.foobar.com. 3600 DS 60485 8 2 d4b7",
                               "a.foobar.com. 3600 NAPTR 100 50 \"s\" \"http\" \"\" _http._tcp.foobar.com."}));
}

// A zone that moves here from another server has these; HINFO and MINFO are even of RFC 1035.
TEST(ZoneText, ReadsTheRareTypesToo) {
  EXPECT_EQ(read("a HINFO \"PC 9\" Linux\na MINFO b c.d.\na RP me.x. @\na AFSDB 1 b\na URI 10 1 \"https://x.y/;\"\n"
                 "a SMIMEA 3 0 0 ( 30\n 82 )\na CDS 0 0 0 00\na SPF \"v=spf1\" -all\n"),
            (Lines{"a.foobar.com. 3600 HINFO \"PC 9\" \"Linux\"", "a.foobar.com. 3600 MINFO b.foobar.com. c.d.",
                   "a.foobar.com. 3600 RP me.x. foobar.com.", "a.foobar.com. 3600 AFSDB 1 b.foobar.com.",
                   "a.foobar.com. 3600 URI 10 1 \"https://x.y/;\"", "a.foobar.com. 3600 SMIMEA 3 0 0 3082",
                   "a.foobar.com. 3600 CDS 0 0 0 00", "a.foobar.com. 3600 SPF \"v=spf1\" \"-all\""}));
}

TEST(ZoneText, ReadsUnknownTypesByRfc3597) {
  EXPECT_EQ(read("a CLASS1 TYPE731 \\# 6 abcd ( ef 01 23 45 )\nb TYPE62347 \\# 0\ne A \\# 4 0A000001\n"
                 "f TYPE1 \\# 4 0A000002\ng HTTPS \\# 3 000100\n"),
            (Lines{"a.foobar.com. 3600 TYPE731 \\# 6 abcdef012345", "b.foobar.com. 3600 TYPE62347 \\# 0",
                   "e.foobar.com. 3600 A 10.0.0.1", "f.foobar.com. 3600 A 10.0.0.2",
                   "g.foobar.com. 3600 HTTPS \\# 3 000100"}));
}

struct Mistake {
  std::string text, message;
};

TEST(ZoneText, NamesEveryMistakeWithItsPlace) {
  const Mistake mistakes[] = {
      {"$INCLUDE other.zone", "z:1:1: error: $INCLUDE is not supported; copy its records to this place"},
      {"$GENERATE 1-9 a A 1.2.3.$", "z:1:1: error: $GENERATE is not supported; write the records out"},
      {"$FOO 1", "z:1:1: error: unknown directive \"$FOO\""},
      {"$TTL", "z:1:1: error: $TTL takes exactly one value"},
      {"$ORIGIN a b", "z:1:1: error: $ORIGIN takes exactly one value"},
      {"$TTL x", "z:1:6: error: this is not a TTL (3600, 1h, 1d12h)"},
      {"$ORIGIN a..b", "z:1:9: error: a name must not have an empty label"},
      {"a 1y A 1.2.3.4", "z:1:3: error: this is not a TTL (3600, 1h, 1d12h)"},
      {"a 2147483648 A 1.2.3.4", "z:1:3: error: this is not a TTL (3600, 1h, 1d12h)"},
      {"a..b A 1.2.3.4", "z:1:1: error: a name must not have an empty label"},
      {"a", "z:1:1: error: a name alone is not a record; class, TTL, type and data are missing"},
      {"a IN", "z:1:5: error: the type is missing here"},
      {"a FOO x", "z:1:3: error: unknown type \"FOO\""},
      {"a \"A\" 1.2.3.4", "z:1:3: error: unknown type \"A\""},
      {"a CH TXT x", "z:1:3: error: only class IN is served"},
      {"a ANY x", "z:1:3: error: ANY is not a type of data"},
      {"a TYPE41 \\# 0", "z:1:3: error: OPT is not a type of data"},
      {"a A", "z:1:4: error: a field is missing here"},
      {"a A 1.2.3.4 5", "z:1:13: error: there is a field too many here"},
      {"a A 1.2.3", "z:1:5: error: this is not an IPv4 address"},
      {"a A 1.2.3.004.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", "z:1:5: error: this is not an IPv4 address"},
      {"a AAAA 1.2.3.4", "z:1:8: error: this is not an IPv6 address"},
      {"a MX 65536 b", "z:1:6: error: this number is too large for its field"},
      {"a MX ten b", "z:1:6: error: this is not a number"},
      {"a MX 10 b..c", "z:1:9: error: a name must not have an empty label"},
      {"a MX 10", "z:1:8: error: a field is missing here"},
      {"a SOA b c 1 x 3 4 5", "z:1:13: error: this is not a time (3600, 1h, 1d12h)"},
      {"a TXT \"open", "z:1:7: error: this quoted string is not closed on its line"},
      {"a TXT \"open\\", "z:1:7: error: this quoted string is not closed on its line"},
      {"a TXT \\300", "z:1:7: error: broken escape; use \\DDD (000-255) or \\X"},
      {"a TXT " + std::string(256, 'x'), "z:1:7: error: a string is at most 255 bytes; write several strings instead"},
      {"a CAA 0 is-sue x", "z:1:9: error: a CAA tag is made of letters and digits"},
      {"a A ( 1.2.3.4", "z:1:5: error: this parenthesis is never closed"},
      {"a A 1.2.3.4 )", "z:1:13: error: a closing parenthesis without an opening one"},
      {"a TYPE731 x", "z:1:11: error: data of type TYPE731 is written as \\# LENGTH HEX"},
      {"a TYPE731 \\#", "z:1:13: error: the length is missing after \\#"},
      {"a DS 1 8 2 \"\"", "z:1:12: error: hexadecimal data must not be empty"},  // was printed as what is no DS
      {"a DS \\# 4 00010802", "z:1:9: error: these bytes are not valid data of type DS"},
      {"a TYPE731 \\# x", "z:1:14: error: a length from 0 to 65535 goes here"},
      {"a TYPE731 \\# 2 abc", "z:1:16: error: hexadecimal data needs an even number of digits"},
      {"a TYPE731 \\# 1 zz", "z:1:16: error: this is not hexadecimal"},
      {"a TYPE731 \\# 3 abcd", "z:1:14: error: the length does not match the 2 bytes that follow"},
      {"a A \\# 3 010203", "z:1:8: error: these bytes are not valid data of type A"},
      {" A 1.2.3.4",
       "z:1:2: error: this record has no owner: no valid one comes before it; begin the line with a "
       "name, or with @ for the origin"},
  };
  for (const Mistake& mistake : mistakes) EXPECT_EQ(read(mistake.text), Lines{mistake.message}) << mistake.text;
}

TEST(ZoneText, CollectsAllMistakesAndKeepsTheGoodRecords) {
  EXPECT_EQ(
      read("a A 1\nb A 1.2.3.4\nc TXT \"x\nd A 5.6.7.8\ne (\n FOO )\n"),
      (Lines{"b.foobar.com. 3600 A 1.2.3.4", "d.foobar.com. 3600 A 5.6.7.8",
             "z:1:5: error: this is not an IPv4 address", "z:3:7: error: this quoted string is not closed on its line",
             "z:6:2: error: unknown type \"FOO\""}));
}

TEST(ZoneText, StopsAfterAHundredMistakes) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "a A 1\n";
  ZoneDraft draft = parse(text);
  ASSERT_EQ(draft.mistakes.size(), kMaxMistakes + 1);
  EXPECT_EQ(draft.mistakes.back().message, "too many mistakes; the rest of the file was not read");
}

TEST(ZoneText, StopsAtTheMostRecordsAllowed) {
  ZoneDraft draft;
  parse_zone_text("a A 1.1.1.1\nb A 1.1.1.1\nc A 1.1.1.1\n", {.file = "z", .default_ttl = 1, .max_records = 2}, draft);
  EXPECT_EQ(draft.records.size(), 2u);
  ASSERT_EQ(draft.mistakes.size(), 1u);
  EXPECT_EQ(draft.mistakes[0].message, "more than 2 records; the rest was not read");
}

TEST(ZoneText, BoundsTheFieldsOfOneRecordAndTheSizeOfItsData) {
  std::string text = "a TXT";
  for (size_t i = 0; i < kMaxEntryTokens + 10; ++i) text += " x";
  ZoneDraft draft = parse(text);
  ASSERT_EQ(draft.mistakes.size(), 1u);
  EXPECT_EQ(draft.mistakes[0].message, "too many fields in one record");
  std::string big = "a TXT";
  for (int i = 0; i < 300; ++i) big += " " + std::string(250, 'x');
  draft = parse(big);
  ASSERT_EQ(draft.mistakes.size(), 1u);
  EXPECT_EQ(draft.mistakes[0].message, "the data is longer than 65535 bytes");
}

TEST(ZoneText, CountsLinesFromWhereTheTextStandsInItsFile) {
  ZoneDraft draft;
  parse_zone_text("a A 1.1.1.1\nb A x\n", {.file = "trimaran.toml", .default_ttl = 1, .first_line = 20}, draft);
  ASSERT_EQ(draft.mistakes.size(), 1u);
  EXPECT_EQ(draft.mistakes[0].line, 21);
  EXPECT_EQ(draft.records[0].line, 20u);
}

}  // namespace
}  // namespace trimaran::dns
