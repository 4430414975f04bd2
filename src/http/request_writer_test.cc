#include "http/request_writer.h"

#include <gtest/gtest.h>

#include <vector>

namespace trimaran::http {
namespace {

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

std::string written(RequestToSend request, const Headers& headers) {
  request.headers = headers;
  std::string out;
  write_request_head(request, out);
  return out;
}

TEST(RequestWriter, PassesTheVisitorsFieldsAndSaysWhoHeIs) {
  EXPECT_EQ(written({.path = "/a%20b", .query = "x=1", .client_address = "192.0.2.1"},
                    {{"Host", "foobar.com"}, {"Accept", "*/*"}, {"Cookie", "a=1"}}),
            "GET /a%20b?x=1 HTTP/1.1\r\nHost: foobar.com\r\nAccept: */*\r\nCookie: a=1\r\n"
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: foobar.com\r\n"
            "Connection: keep-alive\r\n\r\n");
}

TEST(RequestWriter, DropsForgeriesAndWhatBelongsToTheConnection) {
  std::string out = written({.client_address = "192.0.2.1"}, {{"Host", "a"},
                                                              {"X-Forwarded-For", "10.0.0.1"},
                                                              {"X_Forwarded_For", "10.0.0.1"},
                                                              {"Forwarded", "for=10.0.0.1"},
                                                              {"Proxy", "http://evil"},
                                                              {"Connection", "close, X-Secret"},
                                                              {"X-Secret", "1"},
                                                              {"Keep-Alive", "1"},
                                                              {"TE", "trailers"},
                                                              {"Transfer_Encoding", "chunked"},
                                                              {"Upgrade", "h2c"},
                                                              {"Expect", "100-continue"}});
  for (std::string_view gone :
       {"10.0.0.1", "evil", "X-Secret", "close", "Keep-Alive", "TE:", "chunked", "h2c", "Expect"}) {
    EXPECT_EQ(out.find(gone), std::string::npos) << gone;
  }
  EXPECT_NE(out.find("X-Forwarded-For: 192.0.2.1\r\n"), std::string::npos);
}

TEST(RequestWriter, EachConnectionLineNamesFieldsThatGoNoFurther) {
  std::string out = written({}, {{"Connection", "X-First"},
                                 {"X-First", "1"},
                                 {"X-Second", "2"},
                                 {"connection", "keep-alive , x-second"},
                                 {"Connection", ""},
                                 {"X-Third", "3"}});
  EXPECT_EQ(out.find("X-First"), std::string::npos);
  EXPECT_EQ(out.find("X-Second"), std::string::npos);
  EXPECT_NE(out.find("X-Third: 3\r\n"), std::string::npos);
}

TEST(RequestWriter, FramesTheBody) {
  EXPECT_NE(written({.method = "POST", .content_length = 5}, {{"Content-Length", "5"}}).find("Content-Length: 5\r\n"),
            std::string::npos);
  EXPECT_NE(written({.method = "POST", .content_length = 0}, {{"Content-Length", "0"}}).find("Content-Length: 0\r\n"),
            std::string::npos);
  std::string chunked = written({.method = "POST", .content_length = -1}, {});
  EXPECT_NE(chunked.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(chunked.find("Content-Length"), std::string::npos);
}

TEST(RequestWriter, AsksForAnUpgradeOnlyForATunnel) {
  std::string out = written(
      {.upgrade = true}, {{"Connection", "keep-alive, Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Key", "k"}});
  EXPECT_NE(out.find("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), std::string::npos);
  EXPECT_NE(out.find("Sec-WebSocket-Key: k\r\n"), std::string::npos);
}

TEST(RequestWriter, NamesTheSiteToAProgramWhoseVisitorDidNot) {
  EXPECT_EQ(written({.host = "foobar.com"}, {}).find("GET / HTTP/1.1\r\nHost: foobar.com\r\n"), 0u);
}

}  // namespace
}  // namespace trimaran::http
