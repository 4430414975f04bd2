// A front that has no descriptors left: what is there is served, what needs one waits or is told to come back.
#include "front/testing.h"
#include "os/testing.h"

namespace trimaran::front {
namespace {

class ShortageTest : public AppTest {
 protected:
  void SetUp() override {
    if (!kCanLackDescriptors) GTEST_SKIP() << "UBSan needs descriptors";
  }
  ShortageTest() {
    std::ofstream(folder_ / "a.txt") << "a";
    std::ofstream(folder_ / "b.txt") << "b";
    config_.sites[0].root = folder_.string();
    config_.sites[0].app.reset();
  }
  static void get(TestClient& client, const std::string& path) {
    client.send("GET " + path + " HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  }
};

TEST_F(ShortageTest, AFileThatCannotBeOpenedIs503AndNotMissing) {
  start();
  TestClient client(address_);
  get(client, "/a.txt");
  EXPECT_EQ(client.read_response().body, "a");
  {
    Shortage none;
    get(client, "/b.txt");
    TestResponse response = client.read_response();
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.header("retry-after"), "1");
    get(client, "/a.txt");
    EXPECT_EQ(client.read_response().body, "a") << "what is in the cache needs none";
  }
  get(client, "/b.txt");
  EXPECT_EQ(client.read_response().body, "b");
}

TEST_F(ShortageTest, WhoTakesTheLastDescriptorTakesNobodysPlace) {
  start();
  TestClient idle(address_);
  get(idle, "/a.txt");
  EXPECT_EQ(idle.read_response().status, 200);
  TestClient second(address_);
  Shortage one(1);  // for the front's end: it accepts when the first bytes come
  get(second, "/a.txt");
  EXPECT_EQ(second.read_response().body, "a");
  get(idle, "/a.txt");
  EXPECT_EQ(idle.read_response().body, "a");
}

TEST_F(ShortageTest, ANewConnectionTakesThePlaceOfTheOneThatIsIdleLongest) {
  start();
  TestClient idle(address_);
  get(idle, "/a.txt");
  EXPECT_EQ(idle.read_response().status, 200);
  Shortage one(1);  // for the client's end; the front has none to accept with
  TestClient second(address_);
  get(second, "/a.txt");
  EXPECT_TRUE(idle.at_end());
  EXPECT_EQ(second.read_response().body, "a");
}

}  // namespace
}  // namespace trimaran::front
