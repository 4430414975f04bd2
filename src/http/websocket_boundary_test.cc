#include "http/websocket_boundary.h"

#include <gtest/gtest.h>

namespace trimaran::http {
namespace {

using namespace std::string_literals;

std::string frame(uint8_t first, size_t length, bool masked = false) {
  std::string out(1, static_cast<char>(first));
  uint8_t mask = masked ? 0x80 : 0;
  if (length < 126) {
    out += static_cast<char>(mask | length);
  } else {
    bool wide = length > 0xffff;
    out += static_cast<char>(mask | (wide ? 127 : 126));
    for (int i = wide ? 7 : 1; i >= 0; --i) out += static_cast<char>(static_cast<uint64_t>(length) >> (8 * i) & 0xff);
  }
  if (masked) out += "mask";
  return out.append(length, 'x');
}

TEST(WebSocketBoundary, EveryFrameEndsWhereItsLengthSays) {
  for (size_t length : {0, 1, 125, 126, 127, 65535, 65536, 70000}) {
    for (bool masked : {false, true}) {
      WebSocketBoundary boundary;
      std::string whole = frame(0x82, length, masked);
      EXPECT_TRUE(boundary.at_boundary());
      for (size_t i = 0; i < whole.size(); ++i) {
        if (i == 1) {
          EXPECT_EQ(boundary.bytes_to_boundary(std::string_view(whole).substr(1)), whole.size() - 1);
        }
        boundary.pass(std::string_view(whole).substr(i, 1));
        ASSERT_EQ(boundary.at_boundary(), i + 1 == whole.size()) << length << " at " << i;
      }
    }
  }
}

TEST(WebSocketBoundary, ManyFramesMayPassAtOnce) {
  WebSocketBoundary boundary;
  std::string first = frame(0x01, 300), second = frame(0x80, 3);
  boundary.pass(first + second + "\x82"s);
  EXPECT_FALSE(boundary.at_boundary());
  EXPECT_EQ(boundary.bytes_to_boundary("\x02"s + "abc"), 3u);
  EXPECT_EQ(boundary.bytes_to_boundary("\x02"s + "a"), std::nullopt);
  boundary.pass("\x02"s + "ab");
  EXPECT_TRUE(boundary.at_boundary());
  EXPECT_EQ(boundary.bytes_to_boundary("\x82"), 0u);
}

TEST(WebSocketBoundary, ACloseFrameIsTheLast) {
  WebSocketBoundary boundary;
  boundary.pass(frame(0x89, 4));
  EXPECT_FALSE(boundary.closed());
  boundary.pass(websocket_close_frame(1000, "bye"));
  EXPECT_TRUE(boundary.closed());
  EXPECT_TRUE(boundary.at_boundary());
}

TEST(WebSocketBoundary, AfterAnImpossibleLengthNothingIsKnown) {
  WebSocketBoundary boundary;
  boundary.pass("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_FALSE(boundary.at_boundary());
  boundary.pass(frame(0x82, 1));
  EXPECT_FALSE(boundary.at_boundary());
  EXPECT_EQ(boundary.bytes_to_boundary("abc"), std::nullopt);
}

TEST(WebSocketBoundary, TheCloseFrameIsTheOneOfTheRfc) {
  EXPECT_EQ(websocket_close_frame(1012, "x"), "\x88\x03\x03\xf4x"s);
  EXPECT_EQ(websocket_close_frame(1000), "\x88\x02\x03\xe8"s);
}

}  // namespace
}  // namespace trimaran::http
