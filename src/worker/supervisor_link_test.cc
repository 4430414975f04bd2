#include "worker/supervisor_link.h"

#include <gtest/gtest.h>

#include "worker/testing.h"

namespace trimaran::worker {
namespace {

class Listener final : public SupervisorLink::Listener {
 public:
  Status on_channel(Fd, Ledger) override {
    ++channels;
    return refuses ? make_error("enough") : Status();
  }
  void on_drain() override { ++drains; }
  std::string status_json() override { return "{}"; }

  int channels = 0, drains = 0;
  bool refuses = false;
};

class SupervisorLinkTest : public testing::Test {
 protected:
  SupervisorLinkTest() {
    auto pair = MessageSocket::make_pair();
    supervisor = std::move(pair->first);
    link.emplace(std::move(pair->second));
  }
  MessageSocket supervisor;
  std::optional<SupervisorLink> link;
  Listener listener;
};

TEST_F(SupervisorLinkTest, TakesAllThatHasCome) {
  FakeFront one, two;
  ASSERT_TRUE(supervisor.send(one.channel_message()));
  ASSERT_TRUE(supervisor.send(two.channel_message()));
  ASSERT_TRUE(supervisor.send({"drain", {}, {}}));
  EXPECT_TRUE(link->read(listener));
  EXPECT_EQ(listener.channels, 2);
  EXPECT_EQ(listener.drains, 1);
}

TEST_F(SupervisorLinkTest, GoesOnAfterWhatItCannotUse) {
  FakeFront refused;
  listener.refuses = true;
  ASSERT_TRUE(supervisor.send({"channel", {}, {}}));
  ASSERT_TRUE(supervisor.send(refused.channel_message()));
  ASSERT_TRUE(supervisor.send({"nonsense", {}, {}}));
  ASSERT_TRUE(supervisor.send({"status", {}, {}}));
  EXPECT_TRUE(link->read(listener));
  EXPECT_EQ(listener.channels, 1);
  auto answer = supervisor.receive();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->field("json"), "{}");
}

// An application's own words, such as lifespan.startup.failed: a message had no place for them, and the worker died.
TEST_F(SupervisorLinkTest, WhateverAnApplicationSaysOfItsFailureIsToldAsFarAsThereIsRoom) {
  EXPECT_TRUE(link->send_failed(std::string("no\0keel", 7) + std::string(100'000, 'x')));
  auto told = supervisor.receive();
  ASSERT_TRUE(told && *told);
  EXPECT_EQ((*told)->field("reason").substr(0, 8), "no keelx");
  EXPECT_EQ((*told)->field("reason").size(), kFieldTextBytesMax);
}

TEST_F(SupervisorLinkTest, ASupervisorThatIsGoneWantsNothingMore) {
  supervisor = MessageSocket();
  EXPECT_FALSE(link->read(listener));
  EXPECT_EQ(listener.drains, 1);
}

}  // namespace
}  // namespace trimaran::worker
