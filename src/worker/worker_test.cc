#include <gtest/gtest.h>

#include "worker/frame.h"
#include "worker/ledger.h"

namespace trimaran::worker {
namespace {

TEST(Frame, ARequestHeadTravelsWhole) {
  RequestHeadView head;
  head.method = "POST";
  head.path = "/a%20b";
  head.query = "x=1";
  head.protocol = "HTTP/1.1";
  head.scheme = "http";
  head.client_address = "192.0.2.1";
  head.server_name = "foobar.com";
  head.client_port = 4711;
  head.server_port = 8080;
  head.content_length = -1;
  head.headers = {{"Host", "foobar.com"}, {"X-Empty", ""}};
  std::string out;
  append_request(out, 17, false, head);
  Frame frame;
  size_t consumed;
  for (size_t n = 0; n < out.size(); ++n) {
    ASSERT_EQ(read_frame(std::string_view(out).substr(0, n), frame, consumed), FrameStatus::incomplete);
  }
  ASSERT_EQ(read_frame(out, frame, consumed), FrameStatus::frame);
  EXPECT_EQ(consumed, out.size());
  EXPECT_EQ(frame.slot, 17);
  EXPECT_FALSE(frame.end());
  RequestHeadView read;
  ASSERT_TRUE(parse_request(frame.payload, read));
  EXPECT_EQ(read.method, "POST");
  EXPECT_EQ(read.path, "/a%20b");
  EXPECT_EQ(read.query, "x=1");
  EXPECT_EQ(read.client_port, 4711);
  EXPECT_EQ(read.content_length, -1);
  EXPECT_EQ(read.headers, head.headers);
  for (size_t n = 0; n < frame.payload.size(); ++n) EXPECT_FALSE(parse_request(frame.payload.substr(0, n), read));
}

TEST(Frame, AResponseHeadTravelsWhole) {
  ResponseHeadView head{404, "Not Found", 12, {{"Content-Type", "text/plain"}}};
  std::string out;
  append_response(out, 3, true, head);
  Frame frame;
  size_t consumed;
  ASSERT_EQ(read_frame(out, frame, consumed), FrameStatus::frame);
  EXPECT_TRUE(frame.end());
  ResponseHeadView read;
  ASSERT_TRUE(parse_response(frame.payload, read));
  EXPECT_EQ(read.status, 404);
  EXPECT_EQ(read.reason, "Not Found");
  EXPECT_EQ(read.content_length, 12);
  EXPECT_EQ(read.headers, head.headers);
}

TEST(Frame, NonsenseIsInvalidAtOnce) {
  std::string out;
  append_frame(out, FrameType::body, kEnd, 1, "x");
  Frame frame;
  size_t consumed;
  auto with = [&](size_t at, char value) {
    std::string bad = out;
    bad[at] = value;
    return read_frame(bad, frame, consumed);
  };
  EXPECT_EQ(with(3, 0x7f), FrameStatus::invalid);  // a length of 2 GB
  EXPECT_EQ(with(4, 0), FrameStatus::invalid);     // no such type
  EXPECT_EQ(with(4, 99), FrameStatus::invalid);
  EXPECT_EQ(with(5, 4), FrameStatus::invalid);     // no such flag
  EXPECT_EQ(with(7, 0x7f), FrameStatus::invalid);  // a slot beyond kSlots
}

TEST(Frame, CreditIsExactlyFourBytes) {
  std::string out;
  append_credit(out, 1, 65536);
  Frame frame;
  size_t consumed;
  ASSERT_EQ(read_frame(out, frame, consumed), FrameStatus::frame);
  EXPECT_EQ(read_credit(frame), 65536u);
  frame.payload = "abc";
  EXPECT_FALSE(read_credit(frame));
}

TEST(Ledger, ExactlyOneSideWins) {
  auto fd = make_ledger();
  ASSERT_TRUE(fd);
  auto front = Ledger::map(*fd), worker = Ledger::map(*fd);
  ASSERT_TRUE(front && worker);
  front->mark_sent(5);
  EXPECT_TRUE(worker->try_begin(5));
  EXPECT_FALSE(front->try_recall(5));
  EXPECT_EQ(front->state(5), SlotState::begun);
  front->mark_sent(6);
  EXPECT_TRUE(front->try_recall(6));
  EXPECT_FALSE(worker->try_begin(6));
  EXPECT_FALSE(worker->try_begin(7));  // never sent
}

TEST(Ledger, AWrongSizeIsRefused) {
  auto fd = make_memfd("short", "abc");
  ASSERT_TRUE(fd);
  EXPECT_FALSE(Ledger::map(*fd));
}

}  // namespace
}  // namespace trimaran::worker
