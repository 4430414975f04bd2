#include "http/websocket.h"

#include <gtest/gtest.h>

#include <vector>

#include "http/websocket_boundary.h"

namespace trimaran::http {
namespace {

using namespace std::string_literals;

constexpr size_t kMax = 100'000;

// A frame as a client sends it.
std::string client(uint8_t first, std::string_view payload) {
  std::string plain;
  append_websocket_frame(plain, WebSocketOpcode::binary, payload);
  std::string out = plain.substr(0, plain.size() - payload.size());
  out[0] = static_cast<char>(first);
  out[1] = static_cast<char>(out[1] | 0x80);
  constexpr char kMask[] = {0x37, '\xfa', 0x21, 0x3d};
  out.append(kMask, 4);
  for (size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ kMask[i & 3]);
  return out;
}

// All events in `bytes`, each as a word and its payload; given at once, and then byte by byte, which must be the same.
std::vector<std::string> events(std::string_view bytes, size_t max = kMax) {
  constexpr const char* kNames[] = {"", "text ", "binary ", "close ", "ping ", "pong ", "violation "};
  auto run = [&](size_t step) {
    WebSocketReader reader(max);
    std::vector<std::string> out;
    for (size_t at = 0; at < bytes.size(); at += step) {
      std::string_view part = bytes.substr(at, step);
      WebSocketEvent event;
      while ((event = reader.next(part)) != WebSocketEvent::incomplete) {
        std::string code;
        if (event >= WebSocketEvent::close && event != WebSocketEvent::ping && event != WebSocketEvent::pong) {
          code = std::to_string(reader.code()) + " ";
        }
        out.push_back(kNames[static_cast<int>(event)] + code + reader.payload());
        if (event == WebSocketEvent::violation || event == WebSocketEvent::close) return out;
      }
    }
    return out;
  };
  auto whole = run(bytes.size());
  EXPECT_EQ(run(1), whole);
  return whole;
}

using List = std::vector<std::string>;

TEST(WebSocket, TheExamplesOfTheRfc) {  // section 5.7
  EXPECT_EQ(events("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s), List{"text Hello"});
  EXPECT_EQ(events(client(0x01, "Hel") + client(0x80, "lo")), List{"text Hello"});
  EXPECT_EQ(events("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s), List{"ping Hello"});
  std::string out;
  append_websocket_frame(out, WebSocketOpcode::text, "Hello");
  EXPECT_EQ(out, "\x81\x05Hello");
}

TEST(WebSocket, EveryLengthHasItsForm) {
  for (size_t length : {0, 1, 125, 126, 65535, 65536}) {
    std::string payload(length, 'x');
    EXPECT_EQ(events(client(0x82, payload)), List{"binary " + payload}) << length;
    std::string out;
    append_websocket_frame(out, WebSocketOpcode::binary, payload);
    WebSocketBoundary boundary;
    boundary.pass(out);
    EXPECT_TRUE(boundary.at_boundary());
  }
}

TEST(WebSocket, ControlFramesComeBetweenFragments) {
  EXPECT_EQ(events(client(0x01, "a") + client(0x89, "p") + client(0x00, "b") + client(0x8a, "q") + client(0x80, "c")),
            (List{"ping p", "pong q", "text abc"}));
}

TEST(WebSocket, ACloseHasACodeAndAReasonOrNone) {
  EXPECT_EQ(events(client(0x88,
                          "\x03\xe9"
                          "bye")),
            List{"close 1001 bye"});
  EXPECT_EQ(events(client(0x88, "")), List{"close 1005 "});
  EXPECT_EQ(events(client(0x88, "\x03")), List{"violation 1002 "});
  EXPECT_EQ(events(client(0x88, "\x03\xed")), List{"violation 1002 "});  // 1005 is never on the wire
  EXPECT_EQ(events(client(0x88, "\x03\xe8\xff")), List{"violation 1007 "});
  EXPECT_EQ(events(client(0x88, "\x03\xe8") + client(0x81, "late")), List{"close 1000 "});
}

TEST(WebSocket, WhatTheRfcForbidsIsAViolation) {
  const List violation{"violation 1002 "};
  EXPECT_EQ(events("\x81\x05Hello"), violation);    // not masked
  EXPECT_EQ(events(client(0xc1, "x")), violation);  // a reserved bit
  EXPECT_EQ(events(client(0x83, "x")), violation);  // a reserved opcode
  EXPECT_EQ(events(client(0x8b, "x")), violation);
  EXPECT_EQ(events(client(0x09, "x")), violation);                      // a ping in fragments
  EXPECT_EQ(events(client(0x89, std::string(126, 'x'))), violation);    // a ping too long
  EXPECT_EQ(events(client(0x80, "x")), violation);                      // continues nothing
  EXPECT_EQ(events(client(0x01, "x") + client(0x81, "y")), violation);  // a message inside a message
  EXPECT_EQ(events("\x82\xfe\x00\x7dmask"s), violation);                // 125 in the long form
  EXPECT_EQ(events("\x82\xff\x00\x00\x00\x00\x00\x00\xff\xffmask"s), violation);
  EXPECT_EQ(events("\x82\xff\x80\x00\x00\x00\x00\x01\x00\x00mask"s), violation);
}

TEST(WebSocket, AMessageHasALimit) {
  EXPECT_EQ(events(client(0x82, "12345678"), 8), List{"binary 12345678"});
  EXPECT_EQ(events(client(0x82, "123456789"), 8), List{"violation 1009 "});
  EXPECT_EQ(events(client(0x02, "12345") + client(0x80, "6789"), 8), List{"violation 1009 "});
  EXPECT_EQ(events("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask"s, 8), List{"violation 1009 "});
}

TEST(WebSocket, TextIsUtf8) {
  EXPECT_EQ(events(client(0x01, "\xc3") + client(0x80, "\xa4")), List{"text \xc3\xa4"});
  EXPECT_EQ(events(client(0x81, "\xc3")), List{"violation 1007 "});
  EXPECT_EQ(events(client(0x82, "\xc3")), List{"binary \xc3"});
  for (auto good : {"", "a", "\xc3\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (auto bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                   "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace trimaran::http
