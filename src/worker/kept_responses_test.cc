// Which responses a worker keeps back for a common write (WorkerEnd::may_keep), and what becomes of them.
#include <gtest/gtest.h>

#include "worker/testing.h"
#include "worker/worker_end.h"

namespace trimaran::worker {
namespace {

TEST_F(WorkerEndTest, ResponsesOfQuickRequestsLeaveTogether) {
  for (uint16_t i = 0; i < 3; ++i) front_.request(i, "/");
  front_.flush();
  for (int i = 0; i < 3; ++i) answer(*worker_->next_request(), "hello");
  for (uint16_t i = 0; i < 3; ++i) {
    auto head = front_.next(), body = front_.next();
    ASSERT_TRUE(head && body);
    EXPECT_EQ(head->slot, i);
    EXPECT_EQ(body->payload, "hello");
  }
  // Three when this machine was so busy that a request was not quick.
  EXPECT_LE(front_.reads, 3);
}

TEST_F(WorkerEndTest, AResponseThatIsKeptBackDoesNotWaitForASlowRequest) {
  // Until one is kept back: on a busy machine a request may not be quick.
  for (bool kept = false; !kept;) {
    front_.request(0, "/quick");
    front_.request(1, "/slow");
    front_.flush();
    answer(*worker_->next_request(), "quick");
    kept = front_.ledger.state(0) == SlotState::answered;
    auto slow = worker_->next_request();
    ASSERT_TRUE(slow);
    // Not one call of ours: the guard writes it.
    ASSERT_TRUE(front_.next());
    EXPECT_EQ(front_.next()->payload, "quick");
    answer(*slow, "slow");
    ASSERT_TRUE(front_.next());
    EXPECT_EQ(front_.next()->payload, "slow");
  }
}

TEST_F(WorkerEndTest, AResponseThatMustNotBeRunAgainIsWrittenAtOnce) {
  front_.request(0, "/", false);
  front_.body(0, {}, true);
  front_.request(1, "/");
  front_.flush();
  answer(*worker_->next_request(), "done");
  EXPECT_EQ(front_.ledger.state(0), SlotState::begun);
  ASSERT_TRUE(front_.next(0));
  EXPECT_EQ(front_.next(0)->payload, "done");
}

TEST_F(WorkerEndTest, WhatIsKeptBackForAFrontThatLeavesDisturbsNoOther) {
  FakeFront other;
  connect(other);
  for (uint16_t slot = 0; slot < 2; ++slot) {
    front_.request(slot, "/");
    other.request(slot, "/");
  }
  front_.flush();
  other.flush();
  for (int i = 0; i < 3; ++i) answer(*worker_->next_request(), "hello");
  auto last = worker_->next_request();
  front_.close();
  answer(*last, "hello");
  last.reset();
  for (uint16_t slot = 0; slot < 2; ++slot) {
    ASSERT_TRUE(other.next());
    EXPECT_EQ(other.next()->payload, "hello");
  }
  drain();
  EXPECT_FALSE(worker_->next_request());
}

// What close() of a WSGI response does may take long, or kill the worker: the client does not wait for the one, and the
// front counts the other.
TEST_F(WorkerEndTest, AResponseWhoseApplicationGoesOnIsWrittenAtOnce) {
  front_.request(0, "/");
  front_.request(1, "/");
  front_.flush();
  auto request = worker_->next_request();
  request->send_head({200, "OK", 4, {}});
  request->finish("done");
  EXPECT_EQ(front_.ledger.state(0), SlotState::begun);
  ASSERT_TRUE(front_.next(0));
  EXPECT_EQ(front_.next(0)->payload, "done");
}

TEST_F(WorkerEndTest, AResponseThatTookLongIsWrittenAtOnce) {
  front_.request(0, "/");
  front_.request(1, "/");
  front_.flush();
  auto request = worker_->next_request();
  for (int64_t since = monotonic_us(); monotonic_us() - since <= 2 * WorkerEnd::kQuickUs;) {
  }
  answer(*request, "done");
  EXPECT_EQ(front_.ledger.state(0), SlotState::begun);
  ASSERT_TRUE(front_.next(0));
}

TEST_F(WorkerEndTest, WhatIsKeptBackLeavesBeforeTheWorkerEnds) {
  front_.request(0, "/");
  front_.request(1, "/");
  front_.flush();
  auto last = worker_->next_request();
  answer(*last, "first");
  last.reset();
  last = worker_->next_request();
  drain();
  answer(*last, "second");
  last.reset();
  EXPECT_FALSE(worker_->next_request());
  worker_.reset();
  for (uint16_t i = 0; i < 2; ++i) {
    auto head = front_.next(), body = front_.next();
    ASSERT_TRUE(head && body);
    EXPECT_EQ(head->slot, i);
  }
}

}  // namespace
}  // namespace trimaran::worker
