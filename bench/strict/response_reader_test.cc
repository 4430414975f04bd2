#include "strict/response_reader.h"

#include <gtest/gtest.h>

namespace trimaran::strict {
namespace {

struct Read {
  ResponseReader reader;
  std::string body;
  size_t consumed = 0;
  ResponseReader::Outcome outcome = ResponseReader::Outcome::need_more;
};

// Feeds `bytes` in pieces of `piece` bytes until the response ends.
Read read(std::string_view bytes, size_t piece, bool head_request = false) {
  Read out;
  out.reader.start(head_request);
  while (out.consumed < bytes.size() && out.outcome == ResponseReader::Outcome::need_more) {
    ResponseReader::Step step = out.reader.next(bytes.substr(out.consumed, piece));
    out.body += step.data;
    out.consumed += step.consumed;
    out.outcome = step.outcome;
  }
  return out;
}

constexpr auto kDone = ResponseReader::Outcome::done;
constexpr auto kNeedMore = ResponseReader::Outcome::need_more;
constexpr auto kMalformed = ResponseReader::Outcome::malformed;

TEST(ResponseReader, ReadsACountedBodyHoweverItIsCut) {
  std::string_view bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhelloHTTP/1.1";
  for (size_t piece = 1; piece < bytes.size(); ++piece) {
    Read r = read(bytes, piece);
    EXPECT_EQ(r.outcome, kDone);
    EXPECT_EQ(r.body, "hello");
    EXPECT_EQ(r.consumed, bytes.size() - 8) << "the next response's bytes are not touched";
    EXPECT_EQ(r.reader.status(), 200);
    EXPECT_FALSE(r.reader.closes());
    EXPECT_EQ(r.reader.header("x"), "y");
  }
}

TEST(ResponseReader, ReadsAChunkedBody) {
  Read r = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 7);
  EXPECT_EQ(r.outcome, kDone);
  EXPECT_EQ(r.body, "hello");
}

TEST(ResponseReader, ABodyWithoutLengthEndsWithTheStreamAndTheConnection) {
  Read r = read("HTTP/1.1 200 OK\r\n\r\nhello", 100);
  EXPECT_EQ(r.outcome, kNeedMore);
  EXPECT_TRUE(r.reader.complete_at_end());
  EXPECT_TRUE(r.reader.closes());
}

TEST(ResponseReader, ACountedBodyIsNotCompleteAtTheEndOfTheStream) {
  Read r = read("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", 100);
  EXPECT_EQ(r.outcome, kNeedMore);
  EXPECT_FALSE(r.reader.complete_at_end());
  EXPECT_TRUE(r.reader.begun());
}

TEST(ResponseReader, TakesConnectionCloseAtItsWord) {
  EXPECT_TRUE(read("HTTP/1.1 204 No Content\r\nConnection: foo, Close\r\n\r\n", 100).reader.closes());
  EXPECT_TRUE(read("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 100).reader.closes());
  EXPECT_FALSE(read("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 100).reader.closes());
}

TEST(ResponseReader, TheFinalResponseComesAfterInterimOnes) {
  Read r =
      read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 9);
  EXPECT_EQ(r.outcome, kDone);
  EXPECT_EQ(r.reader.status(), 204);
}

TEST(ResponseReader, InterimResponsesHaveALimit) {
  std::string bytes;
  for (int i = 0; i <= ResponseReader::kInterimMax; ++i) bytes += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(read(bytes, bytes.size()).outcome, kMalformed);
}

TEST(ResponseReader, TheAnswersToHeadAndToAnUpgradeHaveNoBody) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 100, true).outcome, kDone);
  Read r = read("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81", 100);
  EXPECT_EQ(r.outcome, kDone);
  EXPECT_EQ(r.reader.status(), 101);
}

TEST(ResponseReader, ForgivesNothing) {
  for (std::string_view bytes : {
           "HTTP/2.0 200 OK\r\n\r\n",
           "HTTP/1.1 99 Low\r\n\r\n",
           "HTTP/1.1 2000 OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
           "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
       }) {
    EXPECT_EQ(read(bytes, bytes.size()).outcome, kMalformed) << bytes;
  }
}

TEST(ResponseReader, AHeadHasALimit) {
  std::string bytes = "HTTP/1.1 200 OK\r\nA: " + std::string(ResponseReader::kHeadBytesMax, 'x');
  EXPECT_EQ(read(bytes, 1000).outcome, kMalformed);
}

}  // namespace
}  // namespace trimaran::strict
