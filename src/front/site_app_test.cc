// When the tunnels of a generation are told to end: their clients come back at once, and must not come all together.
#include "front/site_app.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "pool/pool.h"

namespace trimaran::front {
namespace {

struct TestTunnel final : TunnelOwner {
  void end_tunnel(Millis delay_ms) override { delay = delay_ms; }
  Millis delay = -1;
};

struct SiteAppTest : testing::Test {
  // The delays of so many tunnels, in order.
  std::vector<Millis> delays(size_t count, std::optional<pool::Generation> generation = std::nullopt) {
    std::vector<TestTunnel> tunnels(count);
    for (TestTunnel& tunnel : tunnels) app.add_tunnel(tunnel, 1);
    app.end_tunnels(generation);
    std::vector<Millis> out;
    for (TestTunnel& tunnel : tunnels) {
      out.push_back(tunnel.delay);
      app.remove_tunnel(tunnel);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  EventLoop loop;
  std::vector<EventLoop*> loops{&loop};
  pool::Pool pool{loops, {}};
  SiteApp app{loop, pool, 0, nullptr};
};

TEST_F(SiteAppTest, TunnelsEndOneAfterTheOther) {
  EXPECT_EQ(delays(0), std::vector<Millis>{});
  EXPECT_EQ(delays(1), std::vector<Millis>{0});
  EXPECT_EQ(delays(4), (std::vector<Millis>{0, 2, 4, 6}));
}

TEST_F(SiteAppTest, ManyTunnelsEndFasterAndAreThroughInTime) {
  std::vector<Millis> all = delays(10'000);
  EXPECT_EQ(all.front(), 0);
  EXPECT_EQ(all[5'000], SiteApp::kTunnelsEndMs / 2);
  EXPECT_LT(all.back(), SiteApp::kTunnelsEndMs);
  EXPECT_EQ(std::count(all.begin(), all.end(), 1'000), 5) << "the same number each millisecond";
}

TEST_F(SiteAppTest, OnlyTheGenerationThatIsMeantEnds) {
  EXPECT_EQ(delays(2, 7), (std::vector<Millis>{-1, -1})) << "those of no known worker belong to no generation";
}

}  // namespace
}  // namespace trimaran::front
