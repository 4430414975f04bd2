// The worker's end against a front that is played by the test: it writes and reads raw frames on its end of each
// channel.
#include "worker/worker_end.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstring>
#include <future>
#include <thread>

#include "worker/testing.h"

namespace trimaran::worker {
namespace {

TEST_F(WorkerEndTest, ManyRequestsInOneReadAreAnsweredInOrder) {
  for (uint16_t i = 0; i < 100; ++i) front_.request(i, "/" + std::to_string(i));
  front_.flush();
  for (int i = 0; i < 100; ++i) {
    auto request = worker_->next_request();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->head().path, "/" + std::to_string(i));
    EXPECT_EQ(front_.ledger.state(static_cast<uint16_t>(i)), SlotState::begun);
    answer(*request, "hello");
  }
  for (uint16_t i = 0; i < 100; ++i) {
    auto head = front_.next(), body = front_.next();
    ASSERT_TRUE(head && body);
    EXPECT_EQ(head->type, FrameType::response);
    EXPECT_EQ(head->slot, i);
    EXPECT_EQ(body->payload, "hello");
    EXPECT_TRUE(body->end);
  }
}

TEST_F(WorkerEndTest, ASmallResponseIsOneWrite) {
  front_.request(1, "/");
  front_.flush();
  answer(*worker_->next_request(), "hello");
  ASSERT_TRUE(front_.next());
  ASSERT_TRUE(front_.next());
  EXPECT_EQ(front_.reads, 1);
}

TEST_F(WorkerEndTest, ASlotMayBeUsedAgainAtOnce) {
  serve_paths(2);
  for (int i = 0; i < 2000; ++i) {
    front_.request(7, "/" + std::to_string(i));
    front_.flush();
    ASSERT_EQ(front_.next()->type, FrameType::response);
    ASSERT_EQ(front_.next()->payload, "/" + std::to_string(i));
    front_.credit(7, 1);  // late frames of the finished request are no mistake
    front_.frame(FrameType::abort, 7);
  }
  drain();
  join();
}

TEST_F(WorkerEndTest, ARecalledRequestIsSkipped) {
  front_.request(1, "/recalled");
  front_.request(2, "/kept");
  ASSERT_TRUE(front_.ledger.try_recall(1));
  front_.flush();
  auto request = worker_->next_request();
  EXPECT_EQ(request->head().path, "/kept");
  auto skipped = front_.next();
  EXPECT_EQ(skipped->type, FrameType::skipped);
  EXPECT_EQ(skipped->slot, 1);
  request->fail("done");
}

TEST_F(WorkerEndTest, ABodyArrivesInPiecesAndIsCredited) {
  front_.request(1, "/upload", false);
  front_.flush();
  auto request = worker_->next_request();
  auto reader = std::async(std::launch::async, [&] {
    std::string all;
    char buffer[10'000];
    while (auto n = request->read_body(buffer, sizeof buffer)) all.append(buffer, static_cast<size_t>(n));
    return all;
  });
  uint32_t room = kBodyWindow;
  std::string sent;
  while (sent.size() < 4 * kBodyWindow) {
    while (room < kBodyFrameBytes) {
      auto credit = front_.next();
      ASSERT_TRUE(credit && credit->type == FrameType::credit);
      uint32_t bytes;
      std::memcpy(&bytes, credit->payload.data(), sizeof bytes);
      EXPECT_GE(bytes, kBodyWindow / 4);
      room += bytes;
    }
    std::string piece(kBodyFrameBytes, static_cast<char>('a' + sent.size() / kBodyFrameBytes % 26));
    front_.body(1, piece, false);
    front_.flush();
    sent += piece;
    room -= kBodyFrameBytes;
  }
  front_.body(1, {}, true);
  front_.flush();
  EXPECT_TRUE(reader.get() == sent);
  answer(*request, "thanks");
}

TEST_F(WorkerEndTest, AResponseStopsWithoutCreditAndGoesOnWithIt) {
  front_.request(1, "/big");
  front_.flush();
  auto request = worker_->next_request();
  std::string big(3 * kBodyWindow + 17, 'x');
  auto sender = std::async(std::launch::async, [&] { answer(*request, big); });
  ASSERT_EQ(front_.next()->type, FrameType::response);
  size_t got = 0;
  while (got < kBodyWindow) got += front_.next()->payload.size();
  EXPECT_EQ(got, kBodyWindow);
  EXPECT_FALSE(front_.next(50));  // not one byte beyond the window
  for (bool end = false; !end;) {
    front_.credit(1, kBodyFrameBytes);
    front_.flush();
    auto body = front_.next();
    ASSERT_TRUE(body);
    got += body->payload.size();
    end = body->end;
  }
  EXPECT_EQ(got, big.size());
  sender.get();
}

TEST_F(WorkerEndTest, AnAbortEndsReadingAndSending) {
  front_.request(1, "/upload", false);
  front_.flush();
  auto request = worker_->next_request();
  auto reader = std::async(std::launch::async, [&] {
    char c;
    return request->read_body(&c, 1);
  });
  front_.frame(FrameType::abort, 1);
  front_.flush();
  EXPECT_EQ(reader.get(), -1);
  EXPECT_TRUE(request->aborted());
  request->send_head({200, "OK", -1, {}});
  EXPECT_FALSE(request->send_body("x"));
  request->finish();
  EXPECT_EQ(front_.next()->type, FrameType::failed);  // the slot is given back
}

TEST_F(WorkerEndTest, ARequestThatIsDroppedHasFailed) {
  front_.request(1, "/");
  front_.flush();
  worker_->next_request().reset();
  EXPECT_EQ(front_.next()->type, FrameType::failed);
}

TEST_F(WorkerEndTest, TheEndOfAChannelAbortsItsRequestsOnly) {
  FakeFront other;
  connect(other);
  front_.request(1, "/upload", false);
  front_.flush();
  auto request = worker_->next_request();
  auto reader = std::async(std::launch::async, [&] {
    char c;
    return request->read_body(&c, 1);
  });
  front_.close();
  EXPECT_EQ(reader.get(), -1);
  request->send_head({200, "OK", -1, {}});
  request->finish("to nobody");
  request.reset();
  other.request(1, "/still");
  other.flush();
  answer(*worker_->next_request(), "there");
  EXPECT_EQ(other.next()->type, FrameType::response);
}

TEST_F(WorkerEndTest, ANewFrontMayComeAtAnyTime) {
  serve_paths(1);
  front_.close();
  FakeFront second;
  connect(second);
  second.request(1, "/second");
  second.flush();
  ASSERT_EQ(second.next()->type, FrameType::response);
  EXPECT_EQ(second.next()->payload, "/second");
  drain();
  join();
}

TEST_F(WorkerEndTest, ASlowRequestDoesNotHoldOthersBackWithTwoThreads) {
  front_.request(1, "/slow", false);
  front_.flush();
  auto slow = worker_->next_request();
  serve_paths(1);
  auto reader = std::async(std::launch::async, [&] {
    char c;
    return slow->read_body(&c, 1);
  });
  for (int i = 0; i < 100; ++i) {
    front_.request(2, "/quick");
    front_.flush();
    ASSERT_EQ(front_.next()->type, FrameType::response);
    ASSERT_EQ(front_.next()->payload, "/quick");
  }
  front_.body(1, "x", true);
  front_.flush();
  EXPECT_EQ(reader.get(), 1);
  answer(*slow, "late");
  slow.reset();
  drain();
  join();
}

TEST_F(WorkerEndTest, FourThreadsServeTwoFronts) {
  FakeFront other;
  connect(other);
  serve_paths(4);
  auto load = [](FakeFront& front) {
    for (int round = 0; round < 200; ++round) {
      for (uint16_t slot = 0; slot < 8; ++slot) front.request(slot, "/" + std::to_string(slot));
      front.flush();
      for (int i = 0; i < 16; ++i) {
        auto reply = front.next();
        ASSERT_TRUE(reply);
        if (reply->type != FrameType::body) continue;
        EXPECT_EQ(reply->payload, "/" + std::to_string(reply->slot));
      }
    }
  };
  std::thread second([&] { load(other); });
  load(front_);
  second.join();
  drain();
  join();
}

TEST_F(WorkerEndTest, DrainFinishesWhatWasBegunAndSkipsTheRest) {
  front_.request(1, "/begun");
  front_.flush();
  auto begun = worker_->next_request();
  auto other = std::async(std::launch::async, [&] { return worker_->next_request() == nullptr; });
  drain();
  ASSERT_TRUE(supervisor_.send({"status", {}, {}}));  // answered after `drain` was read
  pollfd wait{supervisor_.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, kPatienceMs), 1);
  front_.request(2, "/queued");
  front_.flush();
  EXPECT_EQ(front_.next()->type, FrameType::skipped);
  answer(*begun, "whole");
  begun.reset();
  EXPECT_EQ(front_.next()->type, FrameType::response);
  EXPECT_TRUE(other.get());
  EXPECT_FALSE(worker_->next_request());
}

TEST_F(WorkerEndTest, ALostSupervisorIsADrain) {
  serve_paths(3);
  supervisor_.close();
  join();
}

TEST_F(WorkerEndTest, StatusIsCounted) {
  front_.request(1, "/");
  front_.flush();
  auto request = worker_->next_request();
  auto next = std::async(std::launch::async, [&] { return worker_->next_request() == nullptr; });
  ASSERT_TRUE(supervisor_.send({"status", {}, {}}));
  pollfd wait{supervisor_.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, kPatienceMs), 1);
  auto message = supervisor_.receive();
  EXPECT_EQ((*message)->field("json"), R"({"requests":1,"busy":1,"threads":2,"waiting":0})");
  answer(*request, "x");
  request.reset();
  drain();
  EXPECT_TRUE(next.get());
}

TEST(WorkerChannel, GivesUpAFrontThatTakesNothingButNotOneThatIsGone) {
  for (bool gone : {false, true}) {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    Fd front(fds[0]);
    WorkerChannel channel(Fd(fds[1]), *Ledger::map(*make_ledger()), 1);
    if (gone) front.reset();
    EXPECT_FALSE(channel.write(std::string(8 << 20, 'x')));
    EXPECT_EQ(channel.gave_up(), !gone);
  }
}

TEST_F(WorkerEndTest, AFrontThatBreaksTheProtocolIsCutOff) {
  serve_paths(1);
  auto cut_after = [&](auto misbehave) {
    FakeFront front;
    connect(front);
    front.request(1, "/", false);
    misbehave(front);
    front.flush();
    while (front.next()) {
    }
    front_.request(1, "/unharmed");
    front_.flush();
    EXPECT_EQ(front_.next()->type, FrameType::response);
    EXPECT_EQ(front_.next()->payload, "/unharmed");
    // Once it served on without a channel to that front, for ever.
    auto asked = supervisor_.receive();
    ASSERT_TRUE(asked && *asked);
    EXPECT_EQ((*asked)->verb, "recycle");
  };
  cut_after([](FakeFront& f) { f.frame(FrameType::skipped, 1); });  // only a worker says that
  cut_after([](FakeFront& f) { f.request(1, "/taken"); });
  cut_after([](FakeFront& f) { f.credit(1, 1); });                  // for bytes that were never sent
  cut_after([](FakeFront& f) { f.frame(FrameType::request, 2); });  // a head of no bytes
  drain();
  join();
}

TEST_F(WorkerEndTest, ABodyBeyondTheWindowIsCutOff) {
  front_.request(1, "/upload", false);
  front_.flush();
  auto unread = worker_->next_request();
  serve_paths(1);
  for (uint32_t sent = 0; sent <= kBodyWindow; sent += kBodyFrameBytes) {
    front_.body(1, std::string(kBodyFrameBytes, 'x'), false);
  }
  front_.flush();
  EXPECT_FALSE(front_.next());
  EXPECT_TRUE(unread->aborted());
  unread.reset();
  drain();
  join();
}

}  // namespace
}  // namespace trimaran::worker
