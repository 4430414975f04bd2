#include "http/response_head.h"

#include <gtest/gtest.h>

namespace trimaran::http {
namespace {

struct Parsed {
  Refusal refusal;
  ParsedResponse head;
};

Parsed parse(std::string_view text, Method method = Method::get) {
  Parsed out;
  HeadScanner scanner;
  EXPECT_EQ(scanner.scan(text, kResponseHeadLimits), HeadScanner::Outcome::complete) << text;
  out.refusal = parse_response_head(text.substr(scanner.begin(), scanner.end() - scanner.begin()), method, out.head);
  return out;
}

Framing framing(std::string_view text, Method method = Method::get) {
  Parsed p = parse(text, method);
  EXPECT_FALSE(p.refusal) << p.refusal.reason;
  return p.head.framing;
}

bool refused(std::string_view text) { return parse(text).refusal.status == 502; }

TEST(ResponseHead, HasStatusReasonAndFields) {
  Parsed p = parse("HTTP/1.1 404 Not Found here\r\nContent-Type:  text/plain \r\nContent-Length: 3\r\n\r\nabc");
  ASSERT_FALSE(p.refusal);
  EXPECT_EQ(p.head.status, 404);
  EXPECT_EQ(p.head.reason, "Not Found here");
  EXPECT_EQ(p.head.content_length, 3);
  EXPECT_TRUE(p.head.keep_alive);
  ASSERT_EQ(p.head.headers.size(), 1u);  // the length is told apart
  EXPECT_EQ(p.head.headers[0].name, "Content-Type");
  EXPECT_EQ(p.head.headers[0].value, "text/plain");
}

TEST(ResponseHead, TellsHowTheBodyEnds) {
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Framing::length);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"), Framing::chunked);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\n\r\n"), Framing::until_close);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", Method::head), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 204 No Content\r\n\r\n"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 100 Continue\r\n\r\n"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Framing::none);
}

TEST(ResponseHead, KeepsTheLengthThatAHeadResponseTells) {
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", Method::head).head.content_length, 9);
}

TEST(ResponseHead, KnowsWhetherTheConnectionLivesOn) {
  EXPECT_TRUE(parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, CLOSE\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("HTTP/1.1 200 OK\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n").head.keep_alive);
  // A body where none may be would be taken for the next response.
  EXPECT_FALSE(parse("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabcde").head.keep_alive);
}

TEST(ResponseHead, DropsWhatBelongsToTheConnection) {
  Parsed p = parse(
      "HTTP/1.1 200 OK\r\nX-Own: 1\r\nConnection: X-Own, close\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n"
      "Trailer: X\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n");
  ASSERT_EQ(p.head.headers.size(), 2u);
  EXPECT_EQ(p.head.headers[0].value, "a=1");
  EXPECT_EQ(p.head.headers[1].value, "b=2");
}

// RFC 9110 sections 5.3 and 7.6.1: several lines are one list, wherever in the head they stand.
TEST(ResponseHead, EachConnectionLineNamesFieldsThatGoNoFurther) {
  Parsed p = parse(
      "HTTP/1.1 200 OK\r\nX-First: 1\r\nConnection: x-first\r\nX-Second: 2\r\nconnection: keep-alive , X-Second\r\n"
      "Connection:\r\nX-Third: 3\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  ASSERT_EQ(p.head.headers.size(), 1u);
  EXPECT_EQ(p.head.headers[0].name, "X-Third");
  EXPECT_FALSE(p.head.keep_alive);
}

TEST(ResponseHead, KeepsTheUpgradeOf101) {
  Parsed p = parse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  ASSERT_EQ(p.head.headers.size(), 1u);
  EXPECT_EQ(p.head.headers[0].value, "websocket");
}

TEST(ResponseHead, BearsAStatusLineWithoutAPhrase) {
  EXPECT_EQ(parse("HTTP/1.1 200\r\n\r\n").head.status, 200);
  EXPECT_EQ(parse("HTTP/1.1 200 \r\n\r\n").head.reason, "");
}

TEST(ResponseHead, RefusesWhatCanBeReadInTwoWays) {
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/2.0 200 OK\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 99 OK\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 999 OK\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 20x OK\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 2000 OK\r\n\r\n"));
  EXPECT_TRUE(refused("ICY 200 OK\r\n\r\n"));
}

}  // namespace
}  // namespace trimaran::http
