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

TEST_F(SupervisorLinkTest, ASupervisorThatIsGoneWantsNothingMore) {
  supervisor = MessageSocket();
  EXPECT_FALSE(link->read(listener));
  EXPECT_EQ(listener.drains, 1);
}

}  // namespace
}  // namespace trimaran::worker
