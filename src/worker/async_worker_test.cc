// The event-driven worker against a front that is played by the test. One thread plays both, so nothing is awaited but
// what poll() does.
#include "worker/async_worker.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "worker/testing.h"

namespace trimaran::worker {
namespace {

// Remembers its requests and how often each had news.
class AsyncWorkerTest : public testing::Test, public AsyncWorker::Events {
 protected:
  struct Taken : AsyncRequest::Owner {
    std::unique_ptr<AsyncRequest> request;
    int news = 0;
    void on_news() override { ++news; }
  };

  AsyncWorkerTest() {
    auto pair = MessageSocket::make_pair();
    supervisor_ = std::move(pair->first);
    worker_ = std::make_unique<AsyncWorker>(std::move(pair->second), *this);
    connect(front_);
  }
  ~AsyncWorkerTest() override { taken_.clear(); }

  void connect(FakeFront& front) {
    ASSERT_TRUE(supervisor_.send(front.channel_message()));
    worker_->poll();
  }
  void say(FakeFront& front) {
    front.flush();
    while (readable()) worker_->poll();
  }
  void drain() {
    ASSERT_TRUE(supervisor_.send({"drain", {}, {}}));
    worker_->poll();
  }
  bool readable() const {
    pollfd wait{worker_->fd(), POLLIN, 0};
    return ::poll(&wait, 1, 0) == 1;
  }
  AsyncRequest& request(size_t i) { return *taken_.at(i)->request; }
  static void answer(AsyncRequest& request, std::string_view text) {
    request.send_head({200, "OK", static_cast<int64_t>(text.size()), {}});
    request.finish(text);
  }

  void on_request(std::unique_ptr<AsyncRequest> request) override {
    taken_.push_back(std::make_unique<Taken>());
    taken_.back()->request = std::move(request);
    taken_.back()->request->set_owner(*taken_.back());
  }

  MessageSocket supervisor_;
  std::unique_ptr<AsyncWorker> worker_;
  FakeFront front_;
  std::vector<std::unique_ptr<Taken>> taken_;
};

TEST_F(AsyncWorkerTest, TheAnswersOfOneRoundAreOneWrite) {
  for (uint16_t i = 0; i < 100; ++i) front_.request(i, "/" + std::to_string(i));
  EXPECT_FALSE(readable());
  front_.flush();
  EXPECT_TRUE(readable());
  worker_->poll();
  EXPECT_FALSE(readable());
  ASSERT_EQ(taken_.size(), 100u);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(front_.ledger.state(static_cast<uint16_t>(i)), SlotState::begun);
    answer(request(i), request(i).head().path);
  }
  EXPECT_TRUE(worker_->wants_flush());
  worker_->flush();
  EXPECT_FALSE(worker_->wants_flush());
  for (uint16_t i = 0; i < 100; ++i) {
    EXPECT_EQ(front_.next()->type, FrameType::response);
    auto body = front_.next();
    EXPECT_EQ(body->slot, i);
    EXPECT_EQ(body->payload, "/" + std::to_string(i));
    EXPECT_TRUE(body->end);
  }
  EXPECT_EQ(front_.reads, 1);
}

TEST_F(AsyncWorkerTest, ASlotMayBeUsedAgainAtOnce) {
  for (int i = 0; i < 2000; ++i) {
    front_.request(7, "/" + std::to_string(i));
    say(front_);
    answer(request(0), request(0).head().path);
    taken_.clear();
    worker_->flush();
    ASSERT_EQ(front_.next()->type, FrameType::response);
    ASSERT_EQ(front_.next()->payload, "/" + std::to_string(i));
    front_.credit(7, 1);  // late frames of the finished request are no mistake
    front_.frame(FrameType::abort, 7);
  }
}

TEST_F(AsyncWorkerTest, ARecalledRequestIsSkipped) {
  front_.request(1, "/recalled");
  front_.request(2, "/kept");
  ASSERT_TRUE(front_.ledger.try_recall(1));
  say(front_);
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_EQ(request(0).head().path, "/kept");
  worker_->flush();
  auto skipped = front_.next();
  EXPECT_EQ(skipped->type, FrameType::skipped);
  EXPECT_EQ(skipped->slot, 1);
}

TEST_F(AsyncWorkerTest, ABodyArrivesAndIsCreditedWhenItIsConsumed) {
  front_.request(1, "/upload", false);
  say(front_);
  std::string piece(kBodyFrameBytes, 'x');
  for (uint32_t sent = 0; sent < kBodyWindow; sent += kBodyFrameBytes) {
    front_.body(1, piece, false);
    say(front_);
  }
  EXPECT_GE(taken_[0]->news, 4);
  EXPECT_EQ(request(0).body().size(), kBodyWindow);
  request(0).consume_body(100);
  worker_->flush();
  EXPECT_FALSE(front_.next(0));  // saved up
  request(0).consume_body(kBodyWindow - 100);
  worker_->flush();
  EXPECT_EQ(front_.next()->type, FrameType::credit);
  front_.body(1, "the end", true);
  say(front_);
  EXPECT_EQ(request(0).body(), "the end");
  EXPECT_TRUE(request(0).body_complete());
}

TEST_F(AsyncWorkerTest, AResponseHasRoomAsLongAsThereIsCredit) {
  front_.request(1, "/big");
  say(front_);
  request(0).send_head({200, "OK", -1, {}});
  EXPECT_EQ(request(0).room(), kBodyWindow);
  request(0).send_body(std::string(kBodyWindow, 'x'));
  EXPECT_EQ(request(0).room(), 0u);
  worker_->flush();
  ASSERT_EQ(front_.next()->type, FrameType::response);
  for (size_t got = 0; got < kBodyWindow;) {
    auto body = front_.next(0);
    if (!body) worker_->poll();  // the socket was full
    if (body) got += body->payload.size();
  }
  front_.credit(1, 10);
  say(front_);
  EXPECT_EQ(request(0).room(), 10u);
  request(0).finish("0123456789");
  worker_->flush();
  EXPECT_TRUE(front_.next()->end);
}

TEST_F(AsyncWorkerTest, AFrontThatDoesNotReadBoundsTheBuffer) {
  constexpr uint16_t kRequests = 16;
  std::string window(kBodyWindow, 'x');
  for (uint16_t i = 0; i < kRequests; ++i) front_.request(i, "/big");
  say(front_);
  size_t said = 0;
  for (size_t i = 0; i < kRequests; ++i) {
    request(i).send_head({200, "OK", -1, {}});
    size_t room = request(i).room();
    request(i).send_body(std::string_view(window).substr(0, room));
    said += room;
  }
  EXPECT_LT(said, kRequests * kBodyWindow);
  EXPECT_EQ(request(kRequests - 1).room(), 0u);
  for (size_t got = 0; got < said;) {
    auto frame = front_.next(0);
    if (!frame) worker_->poll();
    if (frame && frame->type == FrameType::body) got += frame->payload.size();
  }
  EXPECT_GT(taken_[kRequests - 1]->news, 0);
  EXPECT_EQ(request(kRequests - 1).room(), kBodyWindow);
}

TEST_F(AsyncWorkerTest, AnAbortIsNewsAndTheSlotIsGivenBack) {
  front_.request(1, "/");
  say(front_);
  front_.frame(FrameType::abort, 1);
  say(front_);
  EXPECT_EQ(taken_[0]->news, 1);
  EXPECT_TRUE(request(0).aborted());
  taken_.clear();
  worker_->flush();
  EXPECT_EQ(front_.next()->type, FrameType::failed);
}

TEST_F(AsyncWorkerTest, AFailureReplacesAHeadThatHasNotLeft) {
  front_.request(1, "/");
  say(front_);
  request(0).send_head({200, "OK", -1, {}});
  request(0).fail("ValueError: bad");
  worker_->flush();
  auto failed = front_.next();
  EXPECT_EQ(failed->type, FrameType::failed);
  EXPECT_EQ(failed->payload, "ValueError: bad");
}

TEST_F(AsyncWorkerTest, AFileTravelsWithItsFrame) {
  auto file = make_memfd("page", "hello, file");
  for (uint16_t slot = 0; slot < 3; ++slot) front_.request(slot, "/");
  say(front_);
  for (size_t i = 0; i < 3; ++i) {
    request(i).send_head({200, "OK", 5, {}});
    if (i == 1) {
      request(i).finish("bytes");
    } else {
      request(i).finish_file(*duplicate(*file), {i, 5});
    }
  }
  worker_->flush();
  for (uint16_t slot = 0; slot < 3; ++slot) {
    EXPECT_EQ(front_.next()->type, FrameType::response);
    auto body = front_.next();
    EXPECT_EQ(body->slot, slot);
    EXPECT_EQ(body->type, slot == 1 ? FrameType::body : FrameType::file);
    EXPECT_TRUE(body->end);
  }
  ASSERT_EQ(front_.files.size(), 2u);
  char text[5];
  ASSERT_EQ(::pread(front_.files[1].get(), text, 5, 2), 5);
  EXPECT_EQ(std::string_view(text, 5), "llo, ");
}

TEST_F(AsyncWorkerTest, XSendfileReplacesTheBody) {
  std::string path = "/tmp/trimaran-async-sendfile-" + std::to_string(::getpid());
  ASSERT_TRUE(write_file(path, "content"));
  for (uint16_t slot = 0; slot < 2; ++slot) front_.request(slot, "/");
  say(front_);
  request(0).send_head({200, "OK", 0, {{"X-Sendfile", path}}});
  request(0).send_body("ignored");
  request(0).finish();
  ::unlink(path.c_str());
  request(1).send_head({200, "OK", 0, {{"X-Sendfile", path}}});
  request(1).finish();
  worker_->flush();
  ResponseHeadView view;
  ASSERT_TRUE(parse_response(front_.next()->payload, view));
  EXPECT_EQ(view.content_length, 7);
  EXPECT_TRUE(view.headers.empty());
  EXPECT_EQ(front_.next()->type, FrameType::file);
  EXPECT_EQ(front_.next()->type, FrameType::failed);
}

TEST_F(AsyncWorkerTest, ASuccessorIsAskedForOnce) {
  auto pair = MessageSocket::make_pair();
  AsyncWorker worker(std::move(pair->second), *this, Recycle("requests=2"));
  FakeFront front;
  ASSERT_TRUE(pair->first.send(front.channel_message()));
  worker.poll();
  for (uint16_t slot = 0; slot < 3; ++slot) front.request(slot, "/");
  front.flush();
  worker.poll();
  auto asked = pair->first.receive();
  EXPECT_EQ((*asked)->verb, "recycle");
  EXPECT_FALSE(*pair->first.receive());
  taken_.clear();
}

TEST_F(AsyncWorkerTest, ATunnelCarriesBytesBothWays) {
  front_.tunnel(1, "/chat");
  say(front_);
  EXPECT_TRUE(request(0).tunnel());
  EXPECT_FALSE(request(0).body_complete());
  request(0).send_head({101, "Switching Protocols", -1, {}});
  request(0).send_body("server");
  front_.body(1, "client", false);
  say(front_);
  EXPECT_EQ(request(0).body(), "client");
  worker_->flush();
  EXPECT_EQ(front_.next()->type, FrameType::response);
  EXPECT_EQ(front_.next()->payload, "server");
}

TEST_F(AsyncWorkerTest, TheEndOfAChannelAbortsItsRequestsOnly) {
  FakeFront other;
  connect(other);
  front_.request(1, "/lost");
  say(front_);
  other.request(1, "/still");
  say(other);
  front_.close();
  worker_->poll();
  EXPECT_TRUE(request(0).aborted());
  EXPECT_FALSE(request(1).aborted());
  answer(request(0), "to nobody");
  answer(request(1), "there");
  worker_->flush();
  taken_.clear();
  EXPECT_EQ(other.next()->type, FrameType::response);
  worker_->poll();
  EXPECT_FALSE(readable());
}

TEST_F(AsyncWorkerTest, DrainFinishesWhatWasBegunAndSkipsTheRest) {
  front_.request(1, "/begun");
  say(front_);
  drain();
  EXPECT_TRUE(worker_->draining());
  front_.request(2, "/late");
  say(front_);
  EXPECT_EQ(taken_.size(), 1u);
  worker_->flush();
  EXPECT_EQ(front_.next()->type, FrameType::skipped);
  answer(request(0), "whole");
  taken_.clear();
  EXPECT_FALSE(worker_->drained());  // its answer has not left
  worker_->flush();
  EXPECT_TRUE(worker_->drained());
}

TEST_F(AsyncWorkerTest, ALostSupervisorIsADrain) {
  supervisor_.close();
  worker_->poll();
  EXPECT_TRUE(worker_->drained());
  EXPECT_FALSE(readable());
}

TEST_F(AsyncWorkerTest, StatusIsCounted) {
  front_.request(1, "/");
  say(front_);
  ASSERT_TRUE(supervisor_.send({"status", {}, {}}));
  worker_->poll();
  auto message = supervisor_.receive();
  EXPECT_EQ((*message)->field("json"), R"({"requests":1,"busy":1,"threads":1,"waiting":0})");
}

TEST_F(AsyncWorkerTest, AFrontThatBreaksTheProtocolIsCutOff) {
  auto cut_after = [&](auto misbehave) {
    FakeFront front;
    connect(front);
    front.request(1, "/", false);
    misbehave(front);
    say(front);
    worker_->flush();
    while (front.next()) {
    }
    for (auto& taken : taken_) EXPECT_TRUE(taken->request->aborted());
    taken_.clear();
    auto asked = supervisor_.receive();
    ASSERT_TRUE(asked && *asked);
    EXPECT_EQ((*asked)->verb, "recycle");
  };
  cut_after([](FakeFront& f) { f.frame(FrameType::skipped, 1); });  // only a worker says that
  cut_after([](FakeFront& f) { f.request(1, "/taken"); });
  cut_after([](FakeFront& f) { f.credit(1, 1); });                  // for bytes that were never sent
  cut_after([](FakeFront& f) { f.frame(FrameType::request, 2); });  // a head of no bytes
  front_.request(1, "/unharmed");
  say(front_);
  EXPECT_EQ(taken_.size(), 1u);
}

}  // namespace
}  // namespace trimaran::worker
