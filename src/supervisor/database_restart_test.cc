// The steps of a restart of the database server with a server that does what the test says. The real one, under load,
// is tests/e2e/test_generations.py's.
#include "supervisor/database_restart.h"

#include <gtest/gtest.h>

#include <optional>

namespace trimaran {
namespace {

constexpr Millis kDeadlineMs = 30'000;  // of every wait; a healthy one takes milliseconds
constexpr Millis kNever = 3'600'000;

class FakeServer final : public RestartableServer {
 public:
  pid_t pid() const override { return pid_; }
  bool serving() const override { return serving_; }
  const std::string& reason() const override { return reason_; }
  void restart() override {
    ++restarts_;
    serving_ = false;
  }

  pid_t pid_ = 7;
  bool serving_ = true;
  std::string reason_;
  int restarts_ = 0;
};

class DatabaseRestartTest : public testing::Test {
 protected:
  DatabaseRestart& begin(DatabaseRestart::Limits limits, std::set<std::string> busy = {"a.com", "b.com"}) {
    DatabaseRestart::Hooks hooks;
    hooks.pause = [this](bool paused) { paused_ = paused; };
    hooks.ask_load = [this] { ++asked_; };
    restart_.emplace(loop_, std::move(hooks), limits);
    restart_->begin(server_, std::move(busy), [this](const ReloadOutcome& outcome) { outcome_ = outcome; });
    EXPECT_TRUE(paused_);
    return *restart_;
  }
  template <class Condition>
  void wait_until(const char* what, Condition condition) {
    for (Millis end = monotonic_ms() + kDeadlineMs; !condition(); loop_.run_once(20)) {
      ASSERT_LT(monotonic_ms(), end) << "waited in vain until " << what;
    }
  }
  void expect_end(int exit_code, const std::string& text) {
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->exit_code, exit_code);
    EXPECT_EQ(outcome_->text, text);
    EXPECT_FALSE(paused_) << "whatever the outcome";
    EXPECT_FALSE(restart_->running());
  }

  EventLoop loop_;
  FakeServer server_;
  bool paused_ = false;
  int asked_ = 0;
  std::optional<ReloadOutcome> outcome_;
  std::optional<DatabaseRestart> restart_;
};

TEST_F(DatabaseRestartTest, TheServerEndsWithTheLastRequestAndTheRequestsGoOnWhenItServes) {
  DatabaseRestart& restart = begin({kNever, kNever});
  wait_until("it has asked again and again", [&] { return asked_ >= 3; });
  restart.on_load("a.com", {.busy = 0});
  restart.on_load("b.com", {.busy = 1});
  restart.advance();
  EXPECT_EQ(server_.restarts_, 0) << "one request is under way";
  restart.on_load("b.com", {.busy = 0});
  EXPECT_EQ(server_.restarts_, 1);
  server_.serving_ = true;
  restart.advance();
  EXPECT_FALSE(outcome_) << "that is still the old one";
  server_.pid_ = 8;
  restart.advance();
  expect_end(0, "mariadbd was restarted (pid 8)");
}

TEST_F(DatabaseRestartTest, ARequestThatDoesNotEndIsWaitedForUntilTheQuietLimit) {
  DatabaseRestart& restart = begin({1, kNever});
  restart.on_load("a.com", {.busy = 1});
  wait_until("the server is restarted", [&] { return server_.restarts_ == 1; });
  EXPECT_TRUE(paused_);
  EXPECT_FALSE(outcome_);
  int asked = asked_;
  restart.on_load("a.com", {.busy = 0});
  EXPECT_EQ(server_.restarts_, 1) << "once";
  EXPECT_EQ(asked_, asked);
  server_.serving_ = true;
  server_.pid_ = 8;
  restart.advance();
  expect_end(0, "mariadbd was restarted (pid 8)");
}

TEST_F(DatabaseRestartTest, AServerThatDoesNotServeHoldsTheRequestsUpUntilTheServeLimit) {
  DatabaseRestart& restart = begin({kNever, 1});
  restart.on_load("a.com", {.busy = 0});
  restart.on_load("b.com", {.busy = 0});
  wait_until("it was given up", [&] { return outcome_.has_value(); });
  expect_end(1, "mariadbd does not serve again yet; it is tried on");
  server_.serving_ = true;
  restart.advance();  // late, and told to nobody
  EXPECT_EQ(server_.restarts_, 1);
}

TEST_F(DatabaseRestartTest, AServerThatCannotStartIsTheEndAtOnce) {
  DatabaseRestart& restart = begin({1, kNever});
  wait_until("the server is restarted", [&] { return server_.restarts_ == 1; });
  server_.reason_ = "exited with status 1";
  restart.advance();
  expect_end(1, "mariadbd does not start: exited with status 1; it is tried again");
}

// It waited for the answers of no site, until the limit.
TEST_F(DatabaseRestartTest, WithoutASiteThatUsesItNothingIsWaitedFor) {
  begin({kNever, kNever}, {});
  EXPECT_EQ(server_.restarts_, 1);
  EXPECT_EQ(asked_, 0);
}

}  // namespace
}  // namespace trimaran
