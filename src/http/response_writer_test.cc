#include "http/response_writer.h"

#include <gtest/gtest.h>

namespace trimaran::http {
namespace {

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

TEST(ResponseWriter, WritesStatusHeaderAndFraming) {
  std::string out;
  ResponseHead head{200, {{"Content-Type", "text/plain"}}, 5};
  ASSERT_TRUE(write_response_head(head, {.date = kDate, .server = "trimaran"}, out));
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Server: trimaran\r\nContent-Length: 5\r\n\r\n");
}

TEST(ResponseWriter, SaysHowTheConnectionGoesOn) {
  std::string out;
  ASSERT_TRUE(write_response_head({}, {.framing = Framing::chunked, .keep_alive = false, .date = kDate}, out));
  EXPECT_NE(out.find("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"), std::string::npos);
  out.clear();
  ASSERT_TRUE(write_response_head({}, {.request_version = Version::http10, .date = kDate}, out));
  EXPECT_NE(out.find("Connection: keep-alive\r\n"), std::string::npos);
}

// RFC 9110 section 15.5.22. Only there and in a 101: elsewhere it would offer what the front does not speak.
TEST(ResponseWriter, UpgradeRequiredNamesTheProtocol) {
  std::string out;
  ResponseHead head{426, {{"Upgrade", "websocket"}}, 0};
  ASSERT_TRUE(write_response_head(head, {.date = kDate}, out));
  EXPECT_NE(out.find("\r\nUpgrade: websocket\r\n"), std::string::npos);
  EXPECT_NE(out.find("\r\nConnection: Upgrade\r\n"), std::string::npos);
  out.clear();
  ASSERT_TRUE(write_response_head(head, {.keep_alive = false, .date = kDate}, out));
  EXPECT_NE(out.find("\r\nConnection: Upgrade, close\r\n"), std::string::npos);
  out.clear();
  head.status = 200;
  ASSERT_TRUE(write_response_head(head, {.date = kDate}, out));
  EXPECT_EQ(out.find("pgrade"), std::string::npos);
}

TEST(ResponseWriter, NoApplicationSplitsAResponseOrFramesIt) {
  std::string out;
  ResponseFrame frame{.date = kDate};
  EXPECT_FALSE(write_response_head({200, {{"A", "b\r\nSet-Cookie: x"}}}, frame, out));
  EXPECT_FALSE(write_response_head({200, {{"A", std::string("b\0c", 3)}}}, frame, out));
  EXPECT_FALSE(write_response_head({200, {{"A: x\r\nB", "c"}}}, frame, out));
  EXPECT_FALSE(write_response_head({200, {{"", "c"}}}, frame, out));
  EXPECT_FALSE(write_response_head({200, {}, -1, "OK\r\nA: b"}, frame, out));
  EXPECT_FALSE(write_response_head({99, {}}, frame, out));
  EXPECT_EQ(out, "");
  ResponseHead framed{200, {{"content-length", "7"}, {"Transfer-Encoding", "chunked"}, {"Connection", "upgrade"}}, 5};
  EXPECT_TRUE(write_response_head(framed, frame, out));
  EXPECT_EQ(out.find('7', out.find("GMT")), std::string::npos);
  EXPECT_EQ(out.find("chunked"), std::string::npos);
  EXPECT_EQ(out.find("upgrade"), std::string::npos);
}

TEST(ResponseWriter, WritesChunks) {
  std::string out;
  write_chunk_start(0x1a2b, out);
  EXPECT_EQ(out, "1a2b\r\n");
}

}  // namespace
}  // namespace trimaran::http
