// What the server says, as a reader of the RFCs would check it: zone text in, question in, records out.
#include "dns/answer.h"

#include <gtest/gtest.h>

#include "dns/decode.h"
#include "dns/respond.h"
#include "dns/snapshot.h"
#include "dns/zone_text.h"

namespace trimaran::dns {
namespace {

Zone make_zone(std::string_view apex, std::string_view text) {
  ZoneDraft draft;
  Name origin = *Name::from_text(apex);
  parse_zone_text(text, {.file = "z", .origin = origin, .default_ttl = 3600}, draft);
  Diagnostics mistakes;
  std::optional<Zone> zone = Zone::build(origin, std::move(draft), mistakes);
  for (const Diagnostic& mistake : mistakes) ADD_FAILURE() << format_diagnostic(mistake);
  return std::move(*zone);
}

class Server {
 public:
  Server(std::string_view apex, std::string_view text) { add(apex, text); }
  Server& add(std::string_view apex, std::string_view text) {
    zones_.push_back(make_zone(apex, text));
    return *this;
  }

  DecodedMessage decoded(std::string_view name, Type type, Transport transport = Transport::udp, uint16_t edns = 0) {
    if (!snapshot_) snapshot_.emplace(std::move(zones_));
    std::string reply = raw(encode_query(7, name, type, edns), transport);
    std::optional<DecodedMessage> message = decode_message(reply);
    EXPECT_TRUE(message.has_value()) << "a reply that is not a message";
    return message.value_or(DecodedMessage());
  }

  std::string raw(std::string_view query, Transport transport = Transport::udp) {
    if (!snapshot_) snapshot_.emplace(std::move(zones_));
    std::vector<char> buffer(transport == Transport::udp ? kMaxUdpBytes : kMaxTcpBytes);
    Reply reply = respond(*snapshot_, query, buffer, transport);
    return {buffer.data(), reply.size};
  }

  // "NOERROR aa" and then the records, each with the letter of its section.
  std::vector<std::string> ask(std::string_view name, Type type) {
    DecodedMessage message = decoded(name, type);
    std::string status(rcode_to_text(message.rcode));
    if (message.flags & kFlagAuthoritative) status += " aa";
    if (message.flags & kFlagTruncated) status += " tc";
    std::vector<std::string> out{status};
    for (const std::string& record : message.answer) out.push_back("= " + record);
    for (const std::string& record : message.authority) out.push_back("- " + record);
    for (const std::string& record : message.additional) out.push_back("+ " + record);
    return out;
  }

 private:
  std::vector<Zone> zones_;
  std::optional<Snapshot> snapshot_;
};

using Lines = std::vector<std::string>;

constexpr std::string_view kFoobar =
    "@ SOA ns1 hostmaster 1 2 3 4 300\n"
    "  NS ns1\n  NS ns2.elsewhere.net.\n  A 8.8.8.8\n  MX 10 mail\n  TXT hello\n"
    "ns1 A 8.8.8.9\nmail A 8.8.8.10\n AAAA 2001:db8::10\n"
    "www CNAME @\n"
    "a.b.c A 1.1.1.1\n"
    "out CNAME www.elsewhere.net.\n"
    "chain1 CNAME chain2\nchain2 CNAME chain3\nchain3 CNAME nowhere\n"
    "loop1 CNAME loop2\nloop2 CNAME loop1\nself CNAME self\n"
    "sub NS ns.sub\n NS ns2.elsewhere.net.\nns.sub A 9.9.9.9\nns.sub AAAA 2001:db8::9\n"
    "tosub CNAME www.sub\n"
    "_http._tcp SRV 0 0 80 www2\nwww2 A 8.8.4.4\n"
    "old DNAME new\nx.new A 7.7.7.7\n";

constexpr std::string_view kSoa = "foobar.com. 300 SOA ns1.foobar.com. hostmaster.foobar.com. 1 2 3 4 300";
std::string denied() { return "- " + std::string(kSoa); }

TEST(Answer, ServesTheSiteOfTheDesign) {
  Server server("foobar.com.", kFoobar);
  EXPECT_EQ(server.ask("www.foobar.com.", Type::A),
            (Lines{"NOERROR aa", "= www.foobar.com. 3600 CNAME foobar.com.", "= foobar.com. 3600 A 8.8.8.8"}));
  EXPECT_EQ(server.raw(encode_query(7, "www.foobar.com.", Type::A)).size(), 62u);
  EXPECT_EQ(server.ask("foobar.com.", Type::MX),
            (Lines{"NOERROR aa", "= foobar.com. 3600 MX 10 mail.foobar.com.", "+ mail.foobar.com. 3600 A 8.8.8.10",
                   "+ mail.foobar.com. 3600 AAAA 2001:db8::10"}));
  EXPECT_EQ(server.ask("foobar.com.", Type::NS),
            (Lines{"NOERROR aa", "= foobar.com. 3600 NS ns1.foobar.com.", "= foobar.com. 3600 NS ns2.elsewhere.net.",
                   "+ ns1.foobar.com. 3600 A 8.8.8.9"}));
  EXPECT_EQ(server.ask("_http._tcp.foobar.com.", Type::SRV),
            (Lines{"NOERROR aa", "= _http._tcp.foobar.com. 3600 SRV 0 0 80 www2.foobar.com.",
                   "+ www2.foobar.com. 3600 A 8.8.4.4"}));
}

TEST(Answer, DeniesWithTheSoa) {
  Server server("foobar.com.", kFoobar);
  EXPECT_EQ(server.ask("nothing.foobar.com.", Type::A), (Lines{"NXDOMAIN aa", denied()}));
  EXPECT_EQ(server.ask("foobar.com.", Type::AAAA), (Lines{"NOERROR aa", denied()}));
  // Empty non-terminals exist (RFC 8020).
  EXPECT_EQ(server.ask("b.c.foobar.com.", Type::A), (Lines{"NOERROR aa", denied()}));
  EXPECT_EQ(server.ask("c.foobar.com.", Type::ANY), (Lines{"NOERROR aa", denied()}));
  EXPECT_EQ(server.ask("x.b.c.foobar.com.", Type::A), (Lines{"NXDOMAIN aa", denied()}));
}

TEST(Answer, RefusesOtherPeoplesZones) {
  Server server("foobar.com.", kFoobar);
  EXPECT_EQ(server.ask("example.org.", Type::A), (Lines{"REFUSED"}));
  EXPECT_EQ(server.ask("com.", Type::NS), (Lines{"REFUSED"}));
  EXPECT_EQ(server.ask(".", Type::NS), (Lines{"REFUSED"}));
  EXPECT_EQ(server.ask("xfoobar.com.", Type::A), (Lines{"REFUSED"}));
  EXPECT_EQ(server.ask("foobar.com.", Type::AXFR), (Lines{"REFUSED"}));
  EXPECT_EQ(server.ask("foobar.com.", Type::IXFR), (Lines{"REFUSED"}));
}

TEST(Answer, FollowsAliasesAndReportsTheLastName) {
  Server server("foobar.com.", kFoobar);
  EXPECT_EQ(server.ask("out.foobar.com.", Type::A),
            (Lines{"NOERROR aa", "= out.foobar.com. 3600 CNAME www.elsewhere.net."}));
  EXPECT_EQ(server.ask("www.foobar.com.", Type::CNAME),
            (Lines{"NOERROR aa", "= www.foobar.com. 3600 CNAME foobar.com."}));
  EXPECT_EQ(server.ask("www.foobar.com.", Type::ANY),
            (Lines{"NOERROR aa", "= www.foobar.com. 3600 CNAME foobar.com."}));
  EXPECT_EQ(server.ask("www.foobar.com.", Type::AAAA),
            (Lines{"NOERROR aa", "= www.foobar.com. 3600 CNAME foobar.com.", denied()}));
  EXPECT_EQ(server.ask("chain1.foobar.com.", Type::A),
            (Lines{"NXDOMAIN aa", "= chain1.foobar.com. 3600 CNAME chain2.foobar.com.",
                   "= chain2.foobar.com. 3600 CNAME chain3.foobar.com.",
                   "= chain3.foobar.com. 3600 CNAME nowhere.foobar.com.", denied()}));
}

TEST(Answer, EndsAliasLoops) {
  Server server("foobar.com.", kFoobar);
  EXPECT_EQ(server.ask("loop1.foobar.com.", Type::A),
            (Lines{"NOERROR aa", "= loop1.foobar.com. 3600 CNAME loop2.foobar.com.",
                   "= loop2.foobar.com. 3600 CNAME loop1.foobar.com."}));
  EXPECT_EQ(server.ask("self.foobar.com.", Type::A),
            (Lines{"NOERROR aa", "= self.foobar.com. 3600 CNAME self.foobar.com."}));
  EXPECT_EQ(server.ask("self.foobar.com.", Type::CNAME),
            (Lines{"NOERROR aa", "= self.foobar.com. 3600 CNAME self.foobar.com."}));
}

TEST(Answer, FollowsAtMostSixteenAliases) {
  std::string text(kFoobar);
  for (int i = 0; i < 30; ++i) text += "n" + std::to_string(i) + " CNAME n" + std::to_string(i + 1) + "\n";
  Server server("foobar.com.", text);
  DecodedMessage message = server.decoded("n0.foobar.com.", Type::A, Transport::tcp);
  EXPECT_EQ(message.rcode, Rcode::NOERROR);
  EXPECT_EQ(message.answer.size(), kMaxAliasSteps + 1);
  EXPECT_TRUE(message.authority.empty());
}

TEST(Answer, DelegatesWithGlue) {
  Server server("foobar.com.", kFoobar);
  Lines referral{"NOERROR", "- sub.foobar.com. 3600 NS ns.sub.foobar.com.",
                 "- sub.foobar.com. 3600 NS ns2.elsewhere.net.", "+ ns.sub.foobar.com. 3600 A 9.9.9.9",
                 "+ ns.sub.foobar.com. 3600 AAAA 2001:db8::9"};
  EXPECT_EQ(server.ask("sub.foobar.com.", Type::A), referral);
  EXPECT_EQ(server.ask("sub.foobar.com.", Type::NS), referral);
  EXPECT_EQ(server.ask("a.b.sub.foobar.com.", Type::MX), referral);
  EXPECT_EQ(server.ask("ns.sub.foobar.com.", Type::A), referral);  // glue is not an answer
  // The DS of a cut is the parent's to deny (RFC 4035 section 3.1.4.1).
  EXPECT_EQ(server.ask("sub.foobar.com.", Type::DS), (Lines{"NOERROR aa", denied()}));
  EXPECT_EQ(server.ask("a.sub.foobar.com.", Type::DS), referral);
  Lines behind_alias = referral;
  behind_alias[0] = "NOERROR aa";
  behind_alias.insert(behind_alias.begin() + 1, "= tosub.foobar.com. 3600 CNAME www.sub.foobar.com.");
  EXPECT_EQ(server.ask("tosub.foobar.com.", Type::A), behind_alias);
}

TEST(Answer, RewritesNamesBelowADname) {
  Server server("foobar.com.", kFoobar);
  EXPECT_EQ(server.ask("x.old.foobar.com.", Type::A),
            (Lines{"NOERROR aa", "= old.foobar.com. 3600 DNAME new.foobar.com.",
                   "= x.old.foobar.com. 3600 CNAME x.new.foobar.com.", "= x.new.foobar.com. 3600 A 7.7.7.7"}));
  EXPECT_EQ(server.ask("x.old.foobar.com.", Type::CNAME),
            (Lines{"NOERROR aa", "= old.foobar.com. 3600 DNAME new.foobar.com.",
                   "= x.old.foobar.com. 3600 CNAME x.new.foobar.com."}));
  EXPECT_EQ(server.ask("gone.old.foobar.com.", Type::ANY),
            (Lines{"NXDOMAIN aa", "= old.foobar.com. 3600 DNAME new.foobar.com.",
                   "= gone.old.foobar.com. 3600 CNAME gone.new.foobar.com.", denied()}));
  EXPECT_EQ(server.ask("old.foobar.com.", Type::A), (Lines{"NOERROR aa", denied()}));
  EXPECT_EQ(server.ask("old.foobar.com.", Type::DNAME),
            (Lines{"NOERROR aa", "= old.foobar.com. 3600 DNAME new.foobar.com."}));
}

TEST(Answer, SaysYxdomainWhenADnameMakesANameTooLong) {
  std::string label(63, 'l');
  std::string target = label + "." + label + "." + label + ".foobar.com.";
  Server server("foobar.com.", std::string(kFoobar) + "d DNAME " + target + "\n");
  Lines said = server.ask(label + ".d.foobar.com.", Type::A);
  EXPECT_EQ(said, (Lines{"YXDOMAIN aa", "= d.foobar.com. 3600 DNAME " + target}));
}

TEST(Answer, GivesOneSetForAny) {  // RFC 8482 section 4.1
  Server server("foobar.com.", kFoobar);
  EXPECT_EQ(server.ask("foobar.com.", Type::ANY), (Lines{"NOERROR aa", "= foobar.com. 3600 A 8.8.8.8"}));
}

TEST(Answer, TakesTheMostSpecificZone) {
  Server server("foobar.com.", kFoobar);
  server.add("sub.foobar.com.", "@ SOA ns h 1 2 3 4 60\n NS ns\nns A 9.9.9.9\nwww A 5.5.5.5\n");
  EXPECT_EQ(server.ask("www.sub.foobar.com.", Type::A), (Lines{"NOERROR aa", "= www.sub.foobar.com. 3600 A 5.5.5.5"}));
  EXPECT_EQ(server.ask("tosub.foobar.com.", Type::A),
            (Lines{"NOERROR aa", "= tosub.foobar.com. 3600 CNAME www.sub.foobar.com.",
                   "= www.sub.foobar.com. 3600 A 5.5.5.5"}));
  EXPECT_EQ(server.ask("sub.foobar.com.", Type::DS), (Lines{"NOERROR aa", denied()}));
}

// The zone of RFC 4592 section 2.2.1, and every response that section lists, in its order.
TEST(Answer, MatchesRfc4592Section221) {
  Server server("example.",
                "@ 3600 IN SOA ns.example.com. h.example.com. 1 2 3 4 5\n"
                "@ 3600 NS ns.example.com.\n@ 3600 NS ns.example.net.\n"
                "*.example. 3600 TXT \"this is a wildcard\"\n*.example. 3600 MX 10 host1.example.\n"
                "sub.*.example. 3600 TXT \"this is not a wildcard\"\n"
                "host1.example. 3600 A 192.0.2.1\n"
                "_ssh._tcp.host1.example. 3600 SRV 0 0 22 host1.example.\n"
                "_ssh._tcp.host2.example. 3600 SRV 0 0 22 host2.example.\n"
                "subdel.example. 3600 NS ns.example.com.\nsubdel.example. 3600 NS ns.example.net.\n");
  Lines nodata{"NOERROR aa", "- example. 5 SOA ns.example.com. h.example.com. 1 2 3 4 5"};
  Lines nxdomain = nodata;
  nxdomain[0] = "NXDOMAIN aa";
  Lines referral{"NOERROR", "- subdel.example. 3600 NS ns.example.com.", "- subdel.example. 3600 NS ns.example.net."};
  // Synthesized from a wildcard:
  EXPECT_EQ(server.ask("host3.example.", Type::MX),
            (Lines{"NOERROR aa", "= host3.example. 3600 MX 10 host1.example.", "+ host1.example. 3600 A 192.0.2.1"}));
  EXPECT_EQ(server.ask("host3.example.", Type::A), nodata);
  EXPECT_EQ(server.ask("foo.bar.example.", Type::TXT),
            (Lines{"NOERROR aa", "= foo.bar.example. 3600 TXT \"this is a wildcard\""}));
  // Not synthesized: the name exists, a name between exists, it is a wildcard label below one, or it is delegated.
  EXPECT_EQ(server.ask("host1.example.", Type::MX), nodata);
  EXPECT_EQ(server.ask("sub.*.example.", Type::MX), nodata);
  EXPECT_EQ(server.ask("_telnet._tcp.host1.example.", Type::SRV), nxdomain);
  EXPECT_EQ(server.ask("host.subdel.example.", Type::A), referral);
  EXPECT_EQ(server.ask("ghost.*.example.", Type::MX), nxdomain);
  // Section 2.2.2: empty non-terminals block the wildcard, and the wildcard itself can be asked for.
  EXPECT_EQ(server.ask("_tcp.host1.example.", Type::TXT), nodata);
  EXPECT_EQ(server.ask("host2.example.", Type::TXT), nodata);
  EXPECT_EQ(server.ask("*.example.", Type::TXT), (Lines{"NOERROR aa", "= *.example. 3600 TXT \"this is a wildcard\""}));
}

TEST(Answer, WildcardsMayBeAliases) {
  Server server("foobar.com.", std::string(kFoobar) + "*.w CNAME www\n*.s CNAME x.s\n");
  EXPECT_EQ(server.ask("a.b.w.foobar.com.", Type::A),
            (Lines{"NOERROR aa", "= a.b.w.foobar.com. 3600 CNAME www.foobar.com.",
                   "= www.foobar.com. 3600 CNAME foobar.com.", "= foobar.com. 3600 A 8.8.8.8"}));
  EXPECT_EQ(server.ask("y.s.foobar.com.", Type::A),  // the target is synthesized too, and leads to itself
            (Lines{"NOERROR aa", "= y.s.foobar.com. 3600 CNAME x.s.foobar.com.",
                   "= x.s.foobar.com. 3600 CNAME x.s.foobar.com."}));
}

TEST(Answer, ServesTheRootZone) {
  Server server(".", "@ SOA a. b. 1 2 3 4 5\n NS a.\na. A 1.1.1.1\ncom. NS x.com.\nx.com. A 2.2.2.2\n");
  EXPECT_EQ(server.ask(".", Type::NS), (Lines{"NOERROR aa", "= . 3600 NS a.", "+ a. 3600 A 1.1.1.1"}));
  EXPECT_EQ(server.ask("a.", Type::A), (Lines{"NOERROR aa", "= a. 3600 A 1.1.1.1"}));
  EXPECT_EQ(server.ask("y.com.", Type::A), (Lines{"NOERROR", "- com. 3600 NS x.com.", "+ x.com. 3600 A 2.2.2.2"}));
  EXPECT_EQ(server.ask("net.", Type::A), (Lines{"NXDOMAIN aa", "- . 5 SOA a. b. 1 2 3 4 5"}));
}

// The compiled bytes must be what the algorithm writes, for every name and type there is.
TEST(Answer, IsTheSameCompiledAndComputed) {
  Zone zone = make_zone("foobar.com.", kFoobar);
  std::vector<Zone> zones;
  zones.push_back(std::move(zone));
  Snapshot snapshot(std::move(zones));
  EXPECT_GT(snapshot.compiled_count(), 20u);
  size_t compiled_count = 0;
  for (const Node& node : snapshot.zones().zones()[0].nodes()) {
    for (Type type : {Type::A, Type::AAAA, Type::NS, Type::SOA, Type::MX, Type::TXT, Type::CNAME, Type::SRV}) {
      std::optional<CompiledAnswer> compiled = snapshot.find(node.name, type);
      if (!compiled) continue;
      ++compiled_count;
      std::string query = encode_query(1, name_to_text(node.name), type);
      std::vector<char> buffer(kMaxTcpBytes);
      std::copy(query.begin(), query.end(), buffer.begin());
      MessageWriter writer(buffer.data(), buffer.size(), query.size());
      answer_question(snapshot.zones(), node.name, type, writer);
      EXPECT_EQ(compiled->body, std::string_view(buffer.data() + query.size(), writer.size() - query.size()));
    }
  }
  EXPECT_GT(compiled_count, 20u);
}

}  // namespace
}  // namespace trimaran::dns
