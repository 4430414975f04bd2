#include "http/request_head.h"

#include <gtest/gtest.h>

namespace trimaran::http {
namespace {

struct Parsed {
  HeadScanner::Outcome outcome = HeadScanner::Outcome::need_more;
  Refusal refusal;
  RequestHead head;
};

// Feeds `bytes` in steps of `step`, as a connection would, then parses what the scanner found.
Parsed parse(std::string_view bytes, size_t step = 1, HeadLimits limits = {}) {
  Parsed out;
  HeadScanner scanner;
  for (size_t size = std::min(step, bytes.size()); out.outcome == HeadScanner::Outcome::need_more; size += step) {
    out.outcome = scanner.scan(bytes.substr(0, size), limits);
    if (size >= bytes.size()) break;
  }
  if (out.outcome == HeadScanner::Outcome::refused) out.refusal = scanner.refusal();
  if (out.outcome == HeadScanner::Outcome::complete) {
    out.refusal = parse_request_head(bytes.substr(scanner.begin(), scanner.end() - scanner.begin()), out.head);
  }
  return out;
}

TEST(RequestHead, ReadsAnOrdinaryRequest) {
  std::string text = "GET /a%20b?q=1&r HTTP/1.1\r\nHost: Foobar.com:8080\r\nAccept:  */* \r\nEmpty:\r\n\r\nrest";
  Parsed p = parse(text);
  ASSERT_EQ(p.outcome, HeadScanner::Outcome::complete);
  EXPECT_FALSE(p.refusal);
  EXPECT_EQ(p.head.method, Method::get);
  EXPECT_EQ(p.head.target, "/a%20b?q=1&r");
  EXPECT_EQ(p.head.path, "/a%20b");
  EXPECT_EQ(p.head.query, "q=1&r");
  EXPECT_EQ(p.head.host, "Foobar.com");
  EXPECT_EQ(p.head.header("accept"), "*/*");
  EXPECT_TRUE(p.head.has("empty"));
  EXPECT_EQ(p.head.content_length, 0);
  EXPECT_TRUE(p.head.keep_alive);
}

TEST(RequestHead, ReadsEveryFormOfTarget) {
  EXPECT_EQ(parse("GET http://h.org/x?y HTTP/1.1\r\nHost: h.org\r\n\r\n").head.target, "/x?y");
  EXPECT_EQ(parse("GET HTTP://h.org:80 HTTP/1.1\r\nHost: H.org:80\r\n\r\n").head.path, "/");
  EXPECT_EQ(parse("GET http://h.org/ HTTP/1.0\r\n\r\n").head.host, "h.org");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").head.path, "*");
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n").head.host, "[::1]");
}

TEST(RequestHead, AnUpgradeMustBeNamedByConnection) {
  EXPECT_EQ(
      parse("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n").head.upgrade,
      "websocket");
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\nConnection: x\r\n\r\n")
                .head.upgrade,
            "websocket")
      << "several lines are one list (RFC 9110 section 5.3)";
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n").head.upgrade, "");
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n\r\n").head.upgrade, "");
  EXPECT_EQ(parse("GET / HTTP/1.0\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n").head.upgrade, "");
}

// Once the first line was looked at and the last one was passed on: "websocket", then "h2c", and an application that
// speaks HTTP/2 in clear took requests that no route had seen.
TEST(RequestHead, OfTwoUpgradesNoneCounts) {
  for (std::string lines : {"Upgrade: websocket\r\nUpgrade: h2c\r\n", "Upgrade:\r\nUpgrade: websocket\r\n",
                            "Upgrade: a\r\nupgrade: a\r\nUPGRADE: a\r\n"}) {
    EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n" + lines + "\r\n").head.upgrade, "") << lines;
  }
}

TEST(RequestHead, KnowsWhenTheConnectionPersists) {
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: a, Close\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(
      parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").head.keep_alive);
}

TEST(RequestHead, AnEmptyLineBeforeTheRequestIsIgnoredOnce) {
  EXPECT_EQ(parse("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").outcome, HeadScanner::Outcome::complete);
  EXPECT_EQ(parse("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").refusal.status, 400);
}

TEST(RequestHead, ExpectationsBelongToHttp11WithABody) {
  EXPECT_TRUE(
      parse("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n").head.expect_continue);
  EXPECT_FALSE(parse("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n").head.expect_continue);
  EXPECT_FALSE(parse("PUT / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").head.expect_continue);
}

struct Vector {
  const char* why;
  std::string_view text;
  int status;
};

#define H "GET / HTTP/1.1\r\nHost: h\r\n"
#define P "POST / HTTP/1.1\r\nHost: h\r\n"
constexpr Vector kRefused[] = {
    {"a TLS handshake", "\x16\x03\x01\x02", 400},
    {"bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
    {"bare LF after a header", H "A: b\n\r\n", 400},
    {"bare LF as the last line", H "\n", 400},
    {"bare CR in a value", H "A: b\rc\r\n\r\n", 400},
    {"CR CR LF", H "A: b\r\r\n\r\n", 400},
    {"NUL in a value", std::string_view(H "A: b\0c\r\n\r\n", sizeof(H "A: b\0c\r\n\r\n") - 1), 400},
    {"a control character in a value", H "A: b\x01\r\n\r\n", 400},
    {"DEL in a value", H "A: b\x7f\r\n\r\n", 400},
    {"space before the colon", H "A : b\r\n\r\n", 400},
    {"tab before the colon", H "Content-Length\t: 5\r\n\r\n", 400},
    {"a folded line", H "A: b\r\n c\r\n\r\n", 400},
    {"a folded first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
    {"a header without a colon", H "A\r\n\r\n", 400},
    {"a header without a name", H ": b\r\n\r\n", 400},
    {"a name that is not a token", H "A\"b: c\r\n\r\n", 400},
    {"a method that is not a token", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"a tab instead of a space", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"no version (HTTP/0.9)", "GET /\r\n\r\n", 400},
    {"a space behind the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
    {"a small http", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
    {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
    {"a fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"a byte above ASCII in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"a relative target", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"user information in the target", "GET http://u@h/ HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
    {"* without OPTIONS", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", 501},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two Hosts", H "Host: h\r\n\r\n", 400},
    {"an empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", 400},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400},
    {"Host with a space", "GET / HTTP/1.1\r\nHost: h x\r\n\r\n", 400},
    {"Host list", "GET / HTTP/1.1\r\nHost: a:80, b\r\n\r\n", 400},
    {"Host with a port that is none", "GET / HTTP/1.1\r\nHost: h:8x\r\n\r\n", 400},
    {"Host that differs from the target", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 400},
    {"CL and TE", P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"TE and CL", P "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {"two CLs", P "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
    {"two equal CLs", P "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {"a list of CLs", P "Content-Length: 5, 5\r\n\r\n", 400},
    {"a signed CL", P "Content-Length: +5\r\n\r\n", 400},
    {"a negative CL", P "Content-Length: -5\r\n\r\n", 400},
    {"a hexadecimal CL", P "Content-Length: 0x5\r\n\r\n", 400},
    {"an empty CL", P "Content-Length:\r\n\r\n", 400},
    {"a huge CL", P "Content-Length: 99999999999999999999\r\n\r\n", 400},
    {"two TEs", P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"TE identity", P "Transfer-Encoding: identity\r\n\r\n", 400},
    {"chunked is not the last", P "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
    {"chunked twice", P "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
    {"an unknown coding", P "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"xchunked", P "Transfer-Encoding: xchunked\r\n\r\n", 400},
    {"a vertical tab before chunked",
     P "Transfer-Encoding: \x0b"
       "chunked\r\n\r\n",
     400},
    {"TE in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"an unknown expectation", P "Expect: tea\r\n\r\n", 417},
};
#undef H
#undef P

TEST(RequestHead, RefusesWhatTwoProgramsCouldReadInTwoWays) {
  for (const Vector& v : kRefused) {
    for (size_t step : {size_t{1}, size_t{7}, v.text.size()}) {
      EXPECT_EQ(parse(v.text, step).refusal.status, v.status) << v.why << ", in steps of " << step;
    }
  }
}

TEST(RequestHead, LimitsAreReachedExactly) {
  HeadLimits limits{.request_line_bytes = 20, .header_bytes = 30, .header_count = 2};
  auto status = [&limits](std::string_view text, size_t step) { return parse(text, step, limits).refusal.status; };
  for (size_t step : {size_t{1}, size_t{1000}}) {
    EXPECT_EQ(status("GET /3456789 HTTP/1.0\r\n\r\n", step), 414);
    EXPECT_EQ(status("GET /345678 HTTP/1.0\r\n\r\n", step), 0);
    EXPECT_EQ(status("GET / HTTP/1.0\r\na: 4567890123456789012345678\r\n\r\n", step), 0);
    EXPECT_EQ(status("GET / HTTP/1.0\r\na: 45678901234567890123456789\r\n\r\n", step), 431);
    EXPECT_EQ(status("GET / HTTP/1.0\r\na:\r\nb:\r\n\r\n", step), 0);
    EXPECT_EQ(status("GET / HTTP/1.0\r\na:\r\nb:\r\nc:\r\n\r\n", step), 431);
  }
  EXPECT_EQ(status(std::string(23, 'G'), 1), 414) << "no end of the line is waited for";
}

}  // namespace
}  // namespace trimaran::http
