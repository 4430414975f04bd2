#include "strict/websocket_frame.h"

#include <gtest/gtest.h>

namespace trimaran::strict {
namespace {

using namespace std::string_literals;

FrameOutcome read(std::string_view bytes, WebSocketFrame& frame) {
  size_t consumed = 0;
  return read_websocket_frame(bytes, frame, consumed);
}

TEST(WebSocketFrame, ReadsTheExamplesOfTheRfc) {
  WebSocketFrame frame;
  std::string hello = "\x81\x05Hello"s;
  for (size_t cut = 0; cut < hello.size(); ++cut) {
    EXPECT_EQ(read(std::string_view(hello).substr(0, cut), frame), FrameOutcome::need_more);
  }
  EXPECT_EQ(read(hello, frame), FrameOutcome::frame);
  EXPECT_EQ(frame.payload, "Hello");
  std::string medium = "\x82\x7e\x01\x00"s + std::string(256, 'x');
  EXPECT_EQ(read(medium, frame), FrameOutcome::frame);
  EXPECT_EQ(frame.payload.size(), 256u);
  std::string large = "\x82\x7f\0\0\0\0\0\x01\0\0"s + std::string(65536, 'x');
  EXPECT_EQ(read(large, frame), FrameOutcome::frame);
  EXPECT_EQ(frame.payload.size(), 65536u);
}

TEST(WebSocketFrame, MasksWhatTheClientSends) {
  std::string out;
  append_websocket_frame(out, Opcode::text, "Hello", 0x37fa213d);
  EXPECT_EQ(out, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s);  // RFC 6455 section 5.7
  out.clear();
  append_websocket_frame(out, Opcode::binary, std::string(200, 'x'), 0);
  EXPECT_EQ(out.substr(0, 8), "\x82\xfe\x00\xc8\0\0\0\0"s);
}

TEST(WebSocketFrame, ForgivesNothing) {
  WebSocketFrame frame;
  for (const std::string& bytes : {
           "\xc1\x00"s,          // a reserved bit
           "\x01\x00"s,          // a fragment
           "\x80\x00"s,          // a continuation of nothing
           "\x83\x00"s,          // an unknown opcode
           "\x81\x80"s,          // masked by the server
           "\x88\x7e\x00\x80"s,  // a long control frame
           "\x81\x7e\x00\x05"s,  // a length that is not minimal
           "\x81\x7f\xff\0\0\0\0\0\0\0"s,
       }) {
    EXPECT_EQ(read(bytes, frame), FrameOutcome::malformed);
  }
}

TEST(WebSocketFrame, KnowsTheCodeOfAClose) {
  EXPECT_EQ(close_code("\x03\xf4restart"s), 1012);
  EXPECT_EQ(close_code(""), kNoCloseCode);
}

}  // namespace
}  // namespace trimaran::strict
