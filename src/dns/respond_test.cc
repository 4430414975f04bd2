// The packet around the answer: header bits, EDNS, sizes, and what malformed packets get.
#include "dns/respond.h"

#include <gtest/gtest.h>

#include "dns/decode.h"
#include "dns/query.h"
#include "dns/rdata.h"
#include "dns/zone_text.h"

namespace trimaran::dns {
namespace {

Snapshot make_snapshot() {
  std::string text = "@ SOA ns1 h 1 2 3 4 5\n NS ns1\n A 8.8.8.8\nns1 A 8.8.8.9\nwww CNAME @\n*.wild A 1.1.1.1\n";
  for (int i = 0; i < 40; ++i) text += "big A 10.0.0." + std::to_string(i) + "\n";
  for (int i = 0; i < 100; ++i) text += "huge A 10.0.1." + std::to_string(i) + "\n";
  text += "mx MX 10 big\n";
  for (int i = 0; i < 30; ++i)
    text += "sub NS ns" + std::to_string(i) + ".sub\nns" + std::to_string(i) + ".sub A 9.9.9.9\n";
  ZoneDraft draft;
  Name apex = *Name::from_text("foobar.com.");
  parse_zone_text(text, {.file = "z", .origin = apex, .default_ttl = 3600}, draft);
  Diagnostics mistakes;
  std::vector<Zone> zones;
  zones.push_back(*Zone::build(apex, std::move(draft), mistakes));
  return Snapshot(std::move(zones));
}

std::string reply_to(std::string_view query, Transport transport = Transport::udp) {
  static const Snapshot snapshot = make_snapshot();
  // A copy of exactly its size, so that the sanitizer sees a read behind it.
  std::vector<char> packet(query.begin(), query.end());
  std::vector<char> buffer(transport == Transport::udp ? kMaxUdpBytes : kMaxTcpBytes);
  Reply reply = respond(snapshot, {packet.data(), packet.size()}, buffer, transport);
  return {buffer.data(), reply.size};
}

DecodedMessage decoded(std::string_view query, Transport transport = Transport::udp) {
  std::optional<DecodedMessage> message = decode_message(reply_to(query, transport));
  EXPECT_TRUE(message.has_value());
  return message.value_or(DecodedMessage());
}

std::string with(std::string packet, size_t at, std::initializer_list<int> bytes) {
  for (int byte : bytes) packet[at++] = static_cast<char>(byte);
  return packet;
}

const std::string kQuery = encode_query(0x1234, "www.foobar.com.", Type::A);
const std::string kEdnsQuery = encode_query(0x1234, "www.foobar.com.", Type::A, 4096);

TEST(Respond, EchoesIdQuestionAndItsCase) {
  std::string query = encode_query(0xABCD, "wWw.FooBar.COM.", Type::A);
  std::string reply = reply_to(query);
  EXPECT_EQ(reply.substr(0, 2), query.substr(0, 2));
  EXPECT_EQ(reply.substr(12, query.size() - 12), query.substr(12));
  std::string synthesized = encode_query(1, "HOST.Wild.foobar.com.", Type::A);
  EXPECT_EQ(reply_to(synthesized).substr(12, synthesized.size() - 12), synthesized.substr(12));
}

TEST(Respond, SetsTheHeaderBits) {
  EXPECT_EQ(decoded(kQuery).flags, kFlagResponse | kFlagAuthoritative | kFlagRecursionDesired);
  EXPECT_EQ(decoded(with(kQuery, 2, {0, 0})).flags, kFlagResponse | kFlagAuthoritative);
  // AD, CD, RA, TC and Z of a query never come back (RFC 4035 section 3.1.6).
  EXPECT_EQ(decoded(with(kQuery, 2, {0x06, 0xF0})).flags, kFlagResponse | kFlagAuthoritative);
}

TEST(Respond, SpeaksEdnsOnlyWhenAsked) {
  EXPECT_FALSE(decoded(kQuery).edns);
  DecodedMessage message = decoded(kEdnsQuery);
  EXPECT_TRUE(message.edns);
  EXPECT_EQ(message.payload, kMaxUdpBytes);
  EXPECT_FALSE(message.dnssec_ok);
  EXPECT_EQ(message.answer.size(), 2u);
  EXPECT_EQ(reply_to(kEdnsQuery).size(), reply_to(kQuery).size() + kOptBytes);
  EXPECT_TRUE(decoded(with(kEdnsQuery, kEdnsQuery.size() - 4, {0x80})).dnssec_ok);
  EXPECT_TRUE(decoded(encode_query(1, "no.foobar.com.", Type::A, 1232)).edns);
  EXPECT_TRUE(decoded(encode_query(1, "example.org.", Type::A, 1232)).edns);
}

TEST(Respond, IgnoresEdnsOptionsAndFlagsItDoesNotKnow) {
  std::string cookie = with(kEdnsQuery, kEdnsQuery.size() - 2, {0, 12}) + std::string(
                                                                              "\0\x0A\0\x08"
                                                                              "12345678",
                                                                              12);
  EXPECT_EQ(decoded(cookie).answer.size(), 2u);
  EXPECT_EQ(decoded(with(kEdnsQuery, kEdnsQuery.size() - 3, {0x7F})).answer.size(), 2u);
}

TEST(Respond, RefusesOtherEdnsVersions) {  // RFC 6891 section 6.1.3
  DecodedMessage message = decoded(with(kEdnsQuery, kEdnsQuery.size() - 5, {1}));
  EXPECT_EQ(message.rcode, Rcode::BADVERS);
  EXPECT_EQ(message.question.size(), 1u);
  EXPECT_TRUE(message.answer.empty());
}

TEST(Respond, TruncatesToWhatTheClientCanTake) {
  struct Case {
    uint16_t payload;
    bool truncated;
    size_t limit;
  };
  // 40 addresses: 32 bytes of header and question, 640 of records.
  for (Case c : {Case{0, true, 512},
                 {1, true, 512},
                 {512, true, 512},
                 {682, true, 682},
                 {683, false, 683},
                 {65535, false, 683}}) {
    std::string reply = reply_to(encode_query(1, "big.foobar.com.", Type::A, c.payload));
    DecodedMessage message = *decode_message(reply);
    EXPECT_EQ((message.flags & kFlagTruncated) != 0, c.truncated) << c.payload;
    EXPECT_EQ(message.answer.size(), c.truncated ? 0u : 40u) << c.payload;
    EXPECT_EQ(message.edns, c.payload > 0);
    EXPECT_LE(reply.size(), c.limit);
  }
  // 100 addresses are never sent in a datagram, whatever it could carry.
  std::string query = encode_query(1, "huge.foobar.com.", Type::A, 65535);
  EXPECT_TRUE(decoded(query).flags & kFlagTruncated);
  DecodedMessage whole = decoded(query, Transport::tcp);
  EXPECT_FALSE(whole.flags & kFlagTruncated);
  EXPECT_EQ(whole.answer.size(), 100u);
}

TEST(Respond, LeavesOptionalAddressesOutWithoutTruncation) {  // RFC 2181 section 9
  DecodedMessage message = decoded(encode_query(1, "mx.foobar.com.", Type::MX));
  EXPECT_FALSE(message.flags & kFlagTruncated);
  EXPECT_EQ(message.answer.size(), 1u);
  EXPECT_TRUE(message.additional.empty());
  EXPECT_EQ(decoded(encode_query(1, "mx.foobar.com.", Type::MX, 1232)).additional.size(), 40u);
}

TEST(Respond, TruncatesWhenGlueDoesNotFit) {  // RFC 9471
  DecodedMessage message = decoded(encode_query(1, "x.sub.foobar.com.", Type::A, 800));
  EXPECT_TRUE(message.flags & kFlagTruncated);
  EXPECT_EQ(message.authority.size(), 30u);
  message = decoded(encode_query(1, "x.sub.foobar.com.", Type::A), Transport::tcp);
  EXPECT_FALSE(message.flags & kFlagTruncated);
  EXPECT_EQ(message.additional.size(), 30u);
}

TEST(Respond, NeverAnswersAnAnswerNorHalfAHeader) {
  EXPECT_EQ(reply_to(with(kQuery, 2, {0x80})), "");
  for (size_t size = 0; size < kHeaderBytes; ++size) EXPECT_EQ(reply_to(kQuery.substr(0, size)), "");
}

TEST(Respond, SaysNotimpToOtherOpcodes) {
  for (int opcode : {1, 2, 4, 5, 6, 15}) {
    DecodedMessage message = decoded(with(kQuery, 2, {opcode << 3}));
    EXPECT_EQ(message.rcode, Rcode::NOTIMP);
    EXPECT_EQ(message.flags & kOpcodeMask, opcode << 11);
    EXPECT_TRUE(message.question.empty());
  }
}

TEST(Respond, RefusesOtherClassesAndMetaTypes) {
  EXPECT_EQ(decoded(with(kQuery, kQuery.size() - 1, {3})).rcode, Rcode::REFUSED);    // CH
  EXPECT_EQ(decoded(with(kQuery, kQuery.size() - 1, {255})).rcode, Rcode::REFUSED);  // ANY
  struct Case {
    Type type;
    Rcode rcode;
  };
  for (Case c : {Case{Type::AXFR, Rcode::REFUSED},
                 {Type::IXFR, Rcode::REFUSED},
                 {Type::MAILA, Rcode::NOTIMP},
                 {Type::MAILB, Rcode::NOTIMP},
                 {Type::OPT, Rcode::FORMERR},
                 {Type::TSIG, Rcode::FORMERR},
                 {static_cast<Type>(0), Rcode::FORMERR},
                 {static_cast<Type>(65280), Rcode::NOERROR}}) {
    EXPECT_EQ(decoded(encode_query(1, "foobar.com.", c.type)).rcode, c.rcode) << type_to_text(c.type);
  }
}

struct Malformed {
  std::string what, packet;
};

TEST(Respond, SaysFormerrToWhatItCannotRead) {
  const std::string opt = kEdnsQuery.substr(kQuery.size());
  const Malformed packets[] = {
      {"no question", with(kQuery, 4, {0, 0})},
      {"two questions", with(kQuery, 4, {0, 2}) + kQuery.substr(12)},
      {"a header alone", kQuery.substr(0, 12)},
      {"no class", kQuery.substr(0, kQuery.size() - 2)},
      {"a name without an end", kQuery.substr(0, 20)},
      {"a compressed question", kQuery.substr(0, 12) + std::string("\xC0\x0C\0\1\0\1", 6)},
      {"a pointer into the header", kQuery.substr(0, 12) + std::string("\xC0\0\0\1\0\1", 6)},
      {"an extended label", with(kQuery, 12, {0x41})},
      {"bytes behind the message", kQuery + "x"},
      {"a count without its record", with(kQuery, 10, {0, 1})},
      {"a count of 65535", with(kQuery, 10, {255, 255})},
      {"half an OPT", kEdnsQuery.substr(0, kEdnsQuery.size() - 3)},
      {"two OPTs", with(kEdnsQuery, 10, {0, 2}) + opt},
      {"OPT as an answer", with(with(kEdnsQuery, 10, {0, 0}), 6, {0, 1})},
      {"OPT with an owner", with(kQuery, 10, {0, 1}) + std::string("\xC0\x0C", 2) + opt.substr(1)},
      {"an option longer than OPT", with(kEdnsQuery, kEdnsQuery.size() - 2, {0, 4}) + std::string("\0\x0A\0\x08", 4)},
      {"RDATA longer than the packet", with(kEdnsQuery, kEdnsQuery.size() - 2, {0, 4})},
  };
  for (const Malformed& malformed : packets) {
    DecodedMessage message = decoded(malformed.packet);
    EXPECT_EQ(message.rcode, Rcode::FORMERR) << malformed.what;
    EXPECT_EQ(message.id, 0x1234) << malformed.what;
    EXPECT_TRUE(message.question.empty()) << malformed.what;
  }
}

TEST(Respond, ReadsOverOtherRecordsOfAQuery) {
  // An A record with a compressed owner before the OPT.
  std::string record("\xC0\x0C\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 16);
  std::string query = with(kEdnsQuery.substr(0, kQuery.size()), 10, {0, 2}) + record + kEdnsQuery.substr(kQuery.size());
  DecodedMessage message = decoded(query);
  EXPECT_EQ(message.rcode, Rcode::NOERROR);
  EXPECT_TRUE(message.edns);
}

TEST(Respond, SurvivesEveryPrefixAndEveryFlippedByte) {
  for (size_t size = 0; size < kEdnsQuery.size(); ++size) reply_to(kEdnsQuery.substr(0, size));
  for (size_t at = 0; at < kEdnsQuery.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string packet = kEdnsQuery;
      packet[at] = static_cast<char>(packet[at] ^ (1 << bit));
      std::string reply = reply_to(packet);
      if (!reply.empty()) {
        EXPECT_TRUE(decode_message(reply).has_value()) << at << " " << bit;
      }
    }
  }
}

}  // namespace
}  // namespace trimaran::dns
