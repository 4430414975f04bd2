#include "pool/http_codec.h"

#include <gtest/gtest.h>

namespace trimaran::pool {
namespace {

using Kind = UpstreamCodec::Step::Kind;

// What a codec makes of bytes, whatever the pieces they come in.
struct Story {
  int status = 0;
  int64_t length = -1;
  std::string body, log, broken;
  bool ended = false, lost = false;
  size_t left = 0;  // bytes that were not taken
};

Story tell(UpstreamCodec& codec, std::string_view bytes, size_t step, bool closed) {
  Story out;
  size_t at = 0;
  for (size_t given = 0; given < bytes.size() && !out.ended && out.broken.empty();) {
    given = std::min(given + step, bytes.size());
    for (;;) {
      UpstreamCodec::Step s = codec.next(bytes.substr(at, given - at));
      at += s.consumed;
      if (s.kind == Kind::head) {
        out.status = codec.head().status;
        out.length = codec.head().content_length;
      }
      if (s.kind == Kind::data) out.body += s.bytes;
      if (s.kind == Kind::log) out.log += s.bytes;
      if (s.kind == Kind::broken) out.broken = s.bytes;
      if (s.kind == Kind::end) out.ended = true;
      if (s.kind == Kind::need_more || s.kind == Kind::end || s.kind == Kind::broken) break;
    }
  }
  out.left = bytes.size() - at;
  if (closed && !out.ended) (codec.closed().kind == Kind::end ? out.ended : out.lost) = true;
  return out;
}

struct HttpCodecTest : testing::Test {
  Story answer(std::string_view bytes, std::string_view method = "GET", uint8_t flags = worker::kEnd) {
    Story first;
    for (size_t step : {size_t{1}, size_t{7}, bytes.size()}) {
      worker::RequestHeadView head;
      head.method = method;
      head.path = "/";
      std::string out;
      codec.start(head, flags, out);
      Story story = tell(codec, bytes, step, closes);
      if (step == 1) first = story;
      EXPECT_EQ(first.body, story.body);
      EXPECT_EQ(first.ended, story.ended);
    }
    return first;
  }
  HttpCodec codec;
  bool closes = false;
};

TEST_F(HttpCodecTest, ReadsACountedBodyAndCanGoOn) {
  Story s = answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(s.status, 200);
  EXPECT_EQ(s.body, "hello");
  EXPECT_TRUE(s.ended);
  EXPECT_TRUE(codec.reusable());
}

TEST_F(HttpCodecTest, ReadsChunksAndDropsTrailers) {
  Story s = answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: 1\r\n\r\n");
  EXPECT_EQ(s.body, "abcde");
  EXPECT_TRUE(s.ended);
  EXPECT_TRUE(codec.reusable());
}

TEST_F(HttpCodecTest, ABodyWithoutALengthEndsWithTheConnection) {
  closes = true;
  Story s = answer("HTTP/1.0 200 OK\r\n\r\nall of it");
  EXPECT_EQ(s.body, "all of it");
  EXPECT_TRUE(s.ended);
  EXPECT_FALSE(codec.reusable());
}

TEST_F(HttpCodecTest, ABodyThatIsCutIsLost) {
  closes = true;
  EXPECT_TRUE(answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf").lost);
  EXPECT_TRUE(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab").lost);
  EXPECT_TRUE(answer("HTTP/1.1 200").lost);
}

TEST_F(HttpCodecTest, SkipsInterimResponsesUpToALimit) {
  std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", last = "HTTP/1.1 204 No Content\r\n\r\n";
  EXPECT_EQ(answer("HTTP/1.1 100 Continue\r\n\r\n" + hint + last).status, 204);
  std::string many;
  for (int i = 0; i <= HttpCodec::kInterimMax; ++i) many += hint;
  EXPECT_FALSE(answer(many + last).broken.empty());
}

TEST_F(HttpCodecTest, HeadHasALengthAndNoBody) {
  Story s = answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD");
  EXPECT_EQ(s.length, 5);
  EXPECT_TRUE(s.ended);
  EXPECT_TRUE(codec.reusable());
}

TEST_F(HttpCodecTest, BytesBehindTheResponseAreSeen) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 smuggled").left, 21u);
}

TEST_F(HttpCodecTest, BecomesATunnelOnlyWhenItWasAsked) {
  std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_FALSE(answer(head).broken.empty());
  EXPECT_EQ(answer(head + "raw", "GET", worker::kTunnel).body, "raw");
  EXPECT_TRUE(codec.tunnel());
  std::string out;
  codec.body("frame", true, out);
  EXPECT_EQ(out, "frame");
  EXPECT_EQ(codec.closed().kind, Kind::end);
}

TEST_F(HttpCodecTest, IsNotUsedAgainWhileItsRequestIsNotWhole) {
  answer("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n", "POST", worker::kNoFlags);
  EXPECT_FALSE(codec.reusable());
}

TEST_F(HttpCodecTest, SendsABodyOfUnknownLengthInChunks) {
  worker::RequestHeadView head;
  head.method = "POST";
  head.path = "/";
  head.content_length = -1;
  std::string out;
  codec.start(head, worker::kNoFlags, out);
  out.clear();
  codec.body("hello", false, out);
  codec.body("", true, out);
  EXPECT_EQ(out, "5\r\nhello\r\n0\r\n\r\n");
}

TEST_F(HttpCodecTest, RefusesAHeadWithoutEnd) {
  EXPECT_FALSE(answer("HTTP/1.1 200 OK\r\nX: " + std::string(300 * 1024, 'x')).broken.empty());
}

}  // namespace
}  // namespace trimaran::pool
