#include "http/body_decoder.h"

#include <gtest/gtest.h>

#include <string>

namespace trimaran::http {
namespace {

using Outcome = BodyDecoder::Outcome;

struct Decoded {
  std::string body;
  size_t consumed = 0;
  Outcome outcome = Outcome::need_more;
};

Decoded decode(std::string_view bytes, int64_t length, size_t step, uint64_t bytes_max = 1 << 20) {
  BodyDecoder decoder;
  decoder.start(length, bytes_max);
  Decoded out;
  size_t given = 0;
  while (out.outcome == Outcome::need_more) {
    if (out.consumed == given) {
      if (given == bytes.size()) break;
      given = std::min(given + step, bytes.size());
    }
    auto [consumed, data, outcome] = decoder.next(bytes.substr(out.consumed, given - out.consumed));
    out.body += data;
    out.consumed += consumed;
    out.outcome = outcome;
  }
  return out;
}

TEST(BodyDecoder, CountsABodyAndLeavesTheNextRequest) {
  for (size_t step : {1, 3, 100}) {
    Decoded d = decode("helloGET /", 5, step);
    EXPECT_EQ(d.outcome, Outcome::done);
    EXPECT_EQ(d.body, "hello");
    EXPECT_EQ(d.consumed, 5u);
  }
}

TEST(BodyDecoder, ReadsChunksExtensionsAndTrailers) {
  constexpr std::string_view kText = "5;name=\"v\"\r\nhello\r\n00a\r\n, world!!!\r\n0\r\nDigest: x\r\n\r\nGET /";
  for (size_t step : {1, 2, 5, 100}) {
    Decoded d = decode(kText, -1, step);
    EXPECT_EQ(d.outcome, Outcome::done);
    EXPECT_EQ(d.body, "hello, world!!!");
    EXPECT_EQ(kText.substr(d.consumed), "GET /");
  }
}

TEST(BodyDecoder, RefusesWhatIsNotExactlyChunked) {
  constexpr std::string_view kVectors[] = {
      "\r\n",                   // no size
      "x\r\n",                  // not a digit
      "-1\r\n",                 // a sign
      "0x5\r\nhello\r\n",       // a prefix
      " 5\r\nhello\r\n",        // a space before
      "5 \r\nhello\r\n",        // and behind
      "5\nhello\r\n",           // a bare LF
      "5\r\nhello\n",           // no CR behind the data
      "5\r\nhelloX\r\n",        // more data than promised
      "5\rhello",               // a bare CR
      "5;a=\x01\r\nhello\r\n",  // a control character in an extension
      "5;a=b\nhello\r\n",       // a bare LF behind an extension (TERM.EXT smuggling)
      "ffffffffffffffff\r\n",   // overflow
      "0000000000000005\r\n",   // too many digits
      "0\r\nA b\r\n\r\n",       // a trailer that is no field
      "0\r\n A: b\r\n\r\n",     // a folded trailer
      "0\r\nA: b\n\r\n",        // a bare LF in the trailers
      "0\r\n\rX",               // no LF at the end
  };
  for (std::string_view text : kVectors) {
    for (size_t step : {size_t{1}, text.size()}) EXPECT_EQ(decode(text, -1, step).outcome, Outcome::malformed) << text;
  }
}

TEST(BodyDecoder, LimitsAreReached) {
  EXPECT_EQ(decode("0123456789", 10, 100, 9).outcome, Outcome::too_large);
  EXPECT_EQ(decode("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", -1, 1, 9).outcome, Outcome::too_large);
  EXPECT_EQ(decode("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", -1, 1, 10).outcome, Outcome::done);
  std::string extension = "5;" + std::string(BodyDecoder::kExtensionBytesMax + 1, 'a');
  EXPECT_EQ(decode(extension, -1, 100).outcome, Outcome::malformed);
  std::string trailers = "0\r\nA: " + std::string(BodyDecoder::kTrailerBytesMax, 'a');
  EXPECT_EQ(decode(trailers, -1, 100).outcome, Outcome::malformed);
}

}  // namespace
}  // namespace trimaran::http
