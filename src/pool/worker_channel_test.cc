#include "pool/worker_channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "os/descriptor_passing.h"
#include "os/testing.h"

namespace trimaran::pool {
namespace {

using worker::Frame;
using worker::FrameStatus;
using worker::FrameType;

struct TestCall final : Call {
  void on_response(const worker::ResponseHeadView& head, bool end) override {
    status = head.status;
    ended = end;
  }
  void on_response_body(std::string_view bytes, bool end) override {
    body += bytes;
    ended = end;
  }
  void on_response_file(Fd sent, worker::FileView view) override {
    file = std::move(sent);
    part = view;
  }
  void on_credit(uint32_t bytes) override { credit += bytes; }
  void on_failed(int, std::string_view reason) override { failed = reason; }
  void on_returned() override { returned = true; }
  void on_lost(Begun begun) override { lost = begun; }
  int status = 0;
  bool ended = false, returned = false;
  std::string body, failed;
  uint32_t credit = 0;
  std::optional<Begun> lost;
  Fd file;
  worker::FileView part;
};

struct TestWaiter final : Waiter {
  void on_granted(TargetId, bool) override {}
  void on_refused() override {}
};

// The worker's end is played by the test.
struct ChannelTest : testing::Test {
  ChannelTest() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    peer = Fd(fds[1]);
    auto memfd = worker::make_ledger();
    ledger.emplace(*worker::Ledger::map(*memfd));
    channel = std::make_unique<WorkerChannel>(loop, pool, 1, Fd(fds[0]), *worker::Ledger::map(*memfd),
                                              [this] { gone = true; });
    pool.add_target(0, 1, 1, 4);
  }

  uint16_t send(TestCall& call, bool prefetched = false) {
    EXPECT_EQ(pool.acquire(0, waiter).outcome, Pool::Outcome::granted);
    worker::RequestHeadView head;
    head.method = "GET";
    int slot = channel->send_request(call, head, true, prefetched);
    EXPECT_GE(slot, 0);
    return static_cast<uint16_t>(slot);
  }
  void answer(FrameType type, uint8_t flags, uint16_t slot, std::string_view payload) {
    std::string out;
    worker::append_frame(out, type, flags, slot, payload);
    say(out);
  }
  void say(std::string_view bytes) {
    ASSERT_EQ(::send(peer.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    loop.run_once(0);
  }
  std::vector<Frame> received() {
    loop.run_once(0);
    char buffer[65536];
    ssize_t n = ::recv(peer.get(), buffer, sizeof buffer, 0);
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
    std::vector<Frame> out;
    std::string_view rest = text;
    Frame frame;
    size_t consumed;
    while (worker::read_frame(rest, frame, consumed) == FrameStatus::frame) {
      out.push_back(frame);
      rest.remove_prefix(consumed);
    }
    return out;
  }

  EventLoop loop;
  std::vector<EventLoop*> loops{&loop};
  Pool pool{loops, PoolLimits{}};
  TestWaiter waiter;
  Fd peer;
  std::string text;
  std::optional<worker::Ledger> ledger;
  std::unique_ptr<WorkerChannel> channel;
  bool gone = false;
};

// Once 64 MiB were the end of a worker that blocked its event loop for a moment, with 300 uploads under way.
TEST_F(ChannelTest, AWorkerThatDoesNotReadForAWhileIsOwedAWindowOfEachRequest) {
  std::vector<TestCall> calls(300);
  std::string window(worker::kBodyWindow, 'x');
  for (TestCall& call : calls) {
    worker::RequestHeadView head;
    head.method = "POST";
    int slot = channel->send_request(call, head, worker::kNoFlags, false);
    channel->send_body(static_cast<uint16_t>(slot), window, false);
  }
  loop.run_once(0);
  received();
  loop.run_once(0);
  EXPECT_FALSE(gone);
}

TEST_F(ChannelTest, AResponseComesBackEvenByteByByte) {
  TestCall call;
  uint16_t slot = send(call);
  ASSERT_EQ(received().size(), 1u);
  std::string out;
  worker::append_response(out, slot, false, {200, "", 5, {}});
  worker::append_frame(out, FrameType::body, worker::kEnd, slot, "hello");
  for (char c : out) say(std::string_view(&c, 1));
  EXPECT_EQ(call.status, 200);
  EXPECT_EQ(call.body, "hello");
  EXPECT_TRUE(call.ended);
  EXPECT_EQ(pool.numbers().busy, 0u);
}

TEST_F(ChannelTest, AWorkerThatDiesTellsWhatWasBegun) {
  TestCall begun, waiting;
  uint16_t slot = send(begun);
  send(waiting);
  ASSERT_TRUE(ledger->try_begin(slot));
  peer.reset();
  loop.run_once(0);
  EXPECT_EQ(begun.lost, Begun::yes);
  EXPECT_EQ(waiting.lost, Begun::no);
  EXPECT_TRUE(gone);
  EXPECT_EQ(pool.numbers().targets, 0u);
}

// Its response was on its way; the worker died of something else.
TEST_F(ChannelTest, AWorkerThatDiesWithAnAnswerDidNotDieOfThatRequest) {
  TestCall answered;
  uint16_t slot = send(answered);
  ASSERT_TRUE(ledger->try_begin(slot));
  ledger->mark_answered(slot);
  peer.reset();
  loop.run_once(0);
  EXPECT_EQ(answered.lost, Begun::no);
}

TEST_F(ChannelTest, ARequestSentInAdvanceIsTakenBackFromASlowWorker) {
  TestCall slow, waiting;
  ASSERT_TRUE(ledger->try_begin(send(slow)));
  uint16_t slot = send(waiting, true);
  while (!waiting.returned) loop.run_once(100);
  EXPECT_FALSE(slow.returned);
  EXPECT_FALSE(ledger->try_begin(slot));  // the worker will not run it
  answer(FrameType::skipped, 0, slot, {});
  EXPECT_EQ(pool.numbers().busy, 1u);
}

TEST_F(ChannelTest, ARecallTakesBackAtOnceWhatWasNotBegun) {
  TestCall hangs, waiting;
  ASSERT_TRUE(ledger->try_begin(send(hangs)));
  uint16_t slot = send(waiting);
  channel->recall();
  EXPECT_FALSE(hangs.returned);
  EXPECT_TRUE(waiting.returned);
  EXPECT_FALSE(ledger->try_begin(slot));
}

TEST_F(ChannelTest, AnAbortedCallHearsNothingAndItsSlotWaitsForTheWorker) {
  TestCall call;
  uint16_t slot = send(call);
  ASSERT_TRUE(ledger->try_begin(slot));
  channel->abort(slot);
  auto frames = received();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].type, FrameType::abort);
  EXPECT_EQ(pool.numbers().busy, 1u);
  answer(FrameType::failed, 0, slot, "broken pipe");
  EXPECT_EQ(call.failed, "");
  EXPECT_EQ(pool.numbers().busy, 0u);
}

TEST_F(ChannelTest, AWorkerThatDrainsGivesBackWhatItDidNotBegin) {
  TestCall call;
  uint16_t slot = send(call);
  answer(FrameType::skipped, 0, slot, {});
  EXPECT_TRUE(call.returned);
  EXPECT_EQ(pool.acquire(0, waiter).outcome, Pool::Outcome::queued);  // it is retired
  pool.cancel(waiter);
}

TEST_F(ChannelTest, AWorkersLastWordsAndItsEndMayComeInOneEvent) {
  TestCall answered, begun;
  uint16_t slot = send(answered);
  ASSERT_TRUE(ledger->try_begin(send(begun)));
  received();
  std::string out;
  worker::append_response(out, slot, true, {204, "", 0, {}});
  ASSERT_EQ(::send(peer.get(), out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
  peer.reset();
  loop.run_once(0);
  EXPECT_EQ(answered.status, 204);
  EXPECT_EQ(begun.lost, Begun::yes);
  EXPECT_TRUE(gone);
}

TEST_F(ChannelTest, AnAnswerThatHasComeIsNotLostWhenTheNextSendFails) {
  TestCall answered, next;
  uint16_t slot = send(answered);
  ASSERT_TRUE(ledger->try_begin(slot));
  received();
  std::string out;
  worker::append_response(out, slot, true, {201, "", 0, {}});
  ASSERT_EQ(::send(peer.get(), out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
  peer.reset();
  // The front has something to send in the very round in which it would read: the send fails first.
  send(next);
  loop.defer([] {});
  loop.run_once(0);
  loop.run_once(0);
  EXPECT_EQ(answered.status, 201);
  EXPECT_FALSE(answered.lost);
  EXPECT_EQ(next.lost, Begun::no);
}

TEST_F(ChannelTest, ASecondHeadOrABodyBeforeItIsNonsense) {
  TestCall call;
  uint16_t slot = send(call);
  std::string out;
  worker::append_response(out, slot, false, {200, "", -1, {}});
  say(out);
  EXPECT_FALSE(gone);
  say(out);
  EXPECT_TRUE(gone);
  EXPECT_TRUE(call.lost);
}

TEST_F(ChannelTest, ABodyBeforeItsHeadIsNonsense) {
  TestCall call;
  answer(FrameType::body, 0, send(call), "x");
  EXPECT_TRUE(gone);
}

// A file as the answer on `slot`.
std::string file_answer(uint16_t slot) {
  std::string out;
  worker::append_file(out, slot, {2, 3});
  return out;
}

struct FileTest : ChannelTest {
  uint16_t send_and_answer(TestCall& call) {
    uint16_t slot = send(call);
    std::string out;
    worker::append_response(out, slot, false, {200, "", 3, {}});
    say(out);
    return slot;
  }
  void say_with_file(std::string_view bytes) {
    Fd file = *make_memfd("file", "0123456789");
    ASSERT_EQ(send_bytes(peer.get(), bytes, file), static_cast<ssize_t>(bytes.size()));
    loop.run_once(0);
  }
};

TEST_F(FileTest, AFileComesWithItsDescriptor) {
  TestCall call, next;
  uint16_t slot = send_and_answer(call);
  std::string answer = file_answer(slot);
  say_with_file(answer.substr(0, 5));  // cut in two
  EXPECT_FALSE(call.file);
  say(answer.substr(5));
  ASSERT_TRUE(call.file);
  EXPECT_EQ(call.part.offset, 2u);
  EXPECT_EQ(call.part.length, 3u);
  EXPECT_EQ(*read_memfd(call.file), "0123456789");
  EXPECT_EQ(pool.numbers().busy, 0u);
  // What follows in the socket is read in the same round, although the read that brought the descriptor was short.
  slot = send_and_answer(next);
  Fd file = *make_memfd("file", "x");
  TestCall third;
  uint16_t other = send(third);
  std::string ended;
  worker::append_response(ended, other, true, {204, "", 0, {}});
  ASSERT_GT(send_bytes(peer.get(), file_answer(slot), file), 0);
  say(ended);
  EXPECT_TRUE(next.file);
  EXPECT_EQ(third.status, 204);
}

TEST_F(FileTest, AFileWithoutDescriptorOrHeadIsNonsense) {
  TestCall call;
  say(file_answer(send_and_answer(call)));
  EXPECT_TRUE(gone);
}

TEST_F(FileTest, AFileBeforeItsHeadIsNonsense) {
  TestCall call;
  say_with_file(file_answer(send(call)));
  EXPECT_TRUE(gone);
}

TEST_F(FileTest, ADescriptorThatBelongsToNoFileIsClosed) {
  TestCall call;
  uint16_t slot = send(call);
  std::string out;
  worker::append_response(out, slot, false, {200, "", 3, {}});
  say_with_file(out);
  say(file_answer(slot));
  EXPECT_TRUE(gone) << "the stray descriptor was taken for the file's";
}

TEST_F(FileTest, WithoutRoomForItsDescriptorOnlyThatRequestFails) {
  if (!kCanLackDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  TestCall call;
  uint16_t slot = send_and_answer(call);
  Fd file = *make_memfd("file", "x");
  ASSERT_GT(send_bytes(peer.get(), file_answer(slot), file), 0);
  {
    Shortage none;
    loop.run_once(0);
  }
  EXPECT_NE(call.failed, "");
  EXPECT_FALSE(gone);
}

TEST_F(ChannelTest, ATunnelTellsNothingAboutSpeedAndEndsLikeAnyBody) {
  TestCall call;
  uint16_t slot = send(call);
  std::string out;
  worker::append_response(out, slot, false, {101, "", -1, {}});
  worker::append_frame(out, FrameType::body, worker::kNoFlags, slot, "raw");
  say(out);
  EXPECT_EQ(call.body, "raw");
  channel->send_body(slot, "up", true);
  auto frames = received();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].payload, "up");
  EXPECT_TRUE(frames[1].end());
  answer(FrameType::body, worker::kEnd, slot, "");
  EXPECT_TRUE(call.ended);
  EXPECT_EQ(pool.numbers().busy, 0u);
}

// The half that is sent leaves the buffer while the rest waits for room: nothing twice, nothing lost.
TEST_F(ChannelTest, WhatTheSocketHasTakenIsCutOffTheBufferInTheMiddle) {
  TestCall call;
  int small = 8 * 1024;
  uint16_t slot = send(call);
  ASSERT_EQ(::setsockopt(peer.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  std::string all;
  for (int i = 0; i < 40; ++i) {
    std::string piece(32 * 1024, static_cast<char>('a' + i % 26));
    channel->send_body(slot, piece, i == 39);
    all += piece;
    loop.run_once(0);
  }
  std::string got;
  bool ended = false;
  size_t done = 0;
  Millis deadline = monotonic_ms() + 60'000;
  while (!ended) {
    ASSERT_LT(monotonic_ms(), deadline);
    loop.run_once(0);
    char buffer[10'000];
    ssize_t n = ::recv(peer.get(), buffer, sizeof buffer, 0);
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
    Frame frame;
    size_t consumed;
    while (worker::read_frame(std::string_view(text).substr(done), frame, consumed) == FrameStatus::frame) {
      if (frame.type == FrameType::body) got += frame.payload;
      ended = frame.type == FrameType::body && frame.end();
      done += consumed;
    }
  }
  EXPECT_TRUE(got == all);
}

TEST_F(ChannelTest, NonsenseClosesTheChannel) {
  TestCall call;
  send(call);
  answer(FrameType::request, 0, 0, {});
  EXPECT_TRUE(gone);
  EXPECT_TRUE(call.lost);
}

TEST_F(ChannelTest, AFrameForAFreeSlotIsNonsense) {
  answer(FrameType::body, worker::kEnd, 77, "x");
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace trimaran::pool
