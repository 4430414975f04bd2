#include "pool/target.h"

#include <gtest/gtest.h>

namespace trimaran::pool {
namespace {

TEST(TargetMessage, IsReadWholeOrRefused) {
  auto spec = read_target({"target",
                           {{"worker", "12"},
                            {"generation", "3"},
                            {"capacity", "4"},
                            {"protocol", "http"},
                            {"address", "unix:/run/a.sock"}},
                           {}});
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->id, 12u);
  EXPECT_EQ(spec->generation, 3u);
  EXPECT_EQ(spec->capacity, 4);
  EXPECT_EQ(spec->protocol, "http");
  EXPECT_EQ(spec->address, "unix:/run/a.sock");
  EXPECT_FALSE(read_target({"target", {{"capacity", "4"}}, {}}));
  EXPECT_FALSE(read_target({"target", {{"worker", "1"}, {"capacity", "0"}}, {}}));
  EXPECT_FALSE(read_target({"target", {{"worker", "1"}, {"capacity", "1009"}}, {}}));
}

TEST(TargetMessage, SharesAreAWhole) {
  auto shares = parse_shares("7=90 8=10");
  ASSERT_TRUE(shares);
  EXPECT_EQ(*shares, (std::vector<Share>{{7, 90}, {8, 10}}));
  EXPECT_TRUE(parse_shares("1=100"));
  for (const char* wrong : {"", "7", "7=90", "7=90 8=11", "x=100", "7=101", "7=100 ", "7=-1 8=101"}) {
    EXPECT_FALSE(parse_shares(wrong)) << wrong;
  }
}

TEST(TargetChannel, NeedsAKnownProtocolAndAWorkersDescriptors) {
  EventLoop loop;
  std::vector<EventLoop*> loops{&loop};
  Pool pool(loops, PoolLimits{});
  EXPECT_FALSE(make_channel(loop, pool, {.id = 1, .protocol = "telepathy"}, [] {}));
  EXPECT_FALSE(make_channel(loop, pool, {.id = 1, .protocol = "worker"}, [] {}));
}

}  // namespace
}  // namespace trimaran::pool
