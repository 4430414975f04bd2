// WebSockets and other upgraded connections, from the client to the worker and back.
#include "front/tunnel.h"

#include "front/testing.h"

namespace trimaran::front {
namespace {

using worker::FrameType;

constexpr std::string_view kUpgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";

std::string text_frame(std::string_view text) {
  return "\x81" + std::string(1, static_cast<char>(text.size())) + std::string(text);
}
const std::string kGoodbye = http::websocket_close_frame(1012, "service restart");

class TunnelTest : public AppTest {
 protected:
  void open(std::string_view more = kUpgrade, std::string_view protocol = "websocket") {
    start();
    worker_ = add_worker(1, 7, 2);
    client_ = ask("/chat", more);
    auto request = worker_->begin();
    EXPECT_EQ(request.flags, worker::kTunnel);
    slot_ = request.slot;
    worker_->open_tunnel(slot_, protocol);
    TestResponse response = client_->read_response();
    EXPECT_EQ(response.status, 101);
    EXPECT_EQ(response.header("upgrade"), protocol);
    EXPECT_EQ(response.header("connection"), "Upgrade");
  }

  std::unique_ptr<TestWorker> worker_;
  std::unique_ptr<TestClient> client_;
  uint16_t slot_ = 0;
};

TEST_F(TunnelTest, BytesGoBothWaysUntilBothSidesEnd) {
  open();
  client_->send("ping");
  EXPECT_EQ(worker_->next().payload, "ping");
  worker_->body(slot_, "pong");
  EXPECT_EQ(client_->read(4), "pong");
  client_->half_close();
  auto end = worker_->next();
  EXPECT_EQ(end.type, FrameType::body);
  EXPECT_EQ(end.flags, worker::kEnd);
  worker_->body(slot_, "last words", true);
  EXPECT_EQ(client_->read(10), "last words");
  EXPECT_TRUE(client_->at_end());
}

TEST_F(TunnelTest, WhatCameBehindTheHeadIsTheTunnels) {
  start();
  worker_ = add_worker(1);
  client_ = std::make_unique<TestClient>(address_);
  client_->send("GET / HTTP/1.1\r\nHost: foobar.com\r\n" + std::string(kUpgrade) + "\r\nearly");
  slot_ = worker_->begin().slot;
  worker_->open_tunnel(slot_);
  EXPECT_EQ(worker_->next().payload, "early");
}

// Through an HTTP/2 in a tunnel requests would pass by the routes, so no spelling of it opens one.
TEST_F(TunnelTest, NobodyGetsAnHttp2ThroughATunnel) {
  start();
  worker_ = add_worker(1);
  for (std::string_view upgrade :
       {"Upgrade: h2c\r\n", "Upgrade: websocket, H2C\r\n", "Upgrade: websocket\r\nUpgrade: h2c\r\n",
        "Upgrade: h2c\r\nUpgrade: websocket\r\n"}) {
    auto client = ask("/", "Connection: Upgrade\r\n" + std::string(upgrade));
    auto request = worker_->begin();
    EXPECT_EQ(request.flags, worker::kEnd) << upgrade;
    worker_->respond(request.slot, 200, "no");
    EXPECT_EQ(client->read_response().status, 200);
  }
}

TEST_F(TunnelTest, AWebSocketIsForTheApplicationEvenWhereAFileLies) {
  std::ofstream(folder_ / "chat") << "file";
  config_.sites[0].root = folder_.string();
  open();
  auto client = ask("/chat", "Connection: Upgrade\r\nUpgrade: h2c\r\n");
  EXPECT_EQ(client->read_response().body, "file");
}

TEST_F(TunnelTest, AnotherStatusIsAnOrdinaryAnswerAndTheConnectionGoesOn) {
  start();
  worker_ = add_worker(1);
  client_ = std::make_unique<TestClient>(address_);
  client_->send("GET / HTTP/1.1\r\nHost: foobar.com\r\n" + std::string(kUpgrade) +
                "\r\nGET /next HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  worker_->respond(worker_->begin().slot, 403, "no");
  EXPECT_EQ(client_->read_response().body, "no");
  auto next = worker_->begin();
  EXPECT_EQ(next.flags, worker::kEnd);
  worker_->respond(next.slot, 200, "yes");
  EXPECT_EQ(client_->read_response().body, "yes");
}

// HTTP/2 in a tunnel would carry requests that no route of ours has seen.
TEST_F(TunnelTest, HTTP2IsNeverAskedFor) {
  start();
  worker_ = add_worker(1);
  client_ = ask("/", "Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n");
  EXPECT_EQ(worker_->begin().flags, worker::kEnd);
}

TEST_F(TunnelTest, AnApplicationThatKnowsNoTunnelsIsNotAsked) {
  app().kind = AppKind::wsgi;
  start();
  worker_ = add_worker(1);
  client_ = ask("/", kUpgrade);
  auto request = worker_->begin();
  EXPECT_EQ(request.flags, worker::kEnd);
  worker_->open_tunnel(request.slot);  // it must not
  EXPECT_EQ(client_->read_response().status, 502);
}

TEST_F(TunnelTest, A101ThatNobodyAskedForIsABrokenAnswer) {
  start();
  worker_ = add_worker(1);
  client_ = ask("/");
  worker_->open_tunnel(worker_->begin().slot);
  EXPECT_EQ(client_->read_response().status, 502);
}

TEST_F(TunnelTest, AClientThatReadsNothingStopsTheWorkerAndViceVersa) {
  open();
  // The worker may send one window; credit comes only as the client takes it.
  std::string window(worker::kBodyWindow / 4, 'w');
  for (int i = 0; i < 4; ++i) worker_->body(slot_, window);
  EXPECT_EQ(client_->read(worker::kBodyWindow).size(), worker::kBodyWindow);
  uint64_t credit = 0;
  while (credit < worker::kBodyWindow) {
    auto got = worker_->next();
    ASSERT_EQ(got.type, FrameType::credit);
    uint32_t n;
    std::memcpy(&n, got.payload.data(), sizeof n);
    credit += n;
  }
  // And the worker is sent one window only.
  std::thread sender([this] { client_->send(std::string(4 << 20, 'c')); });
  size_t came = 0;
  while (came < worker::kBodyWindow) came += worker_->next().payload.size();
  EXPECT_EQ(came, worker::kBodyWindow);
  EXPECT_FALSE(worker_->waits(200));
  std::string more;
  worker::append_credit(more, slot_, 1000);
  worker_->say(more);
  EXPECT_EQ(worker_->next().payload.size(), 1000u);
  worker_->body(slot_, "", true);
  EXPECT_TRUE(client_->at_end());
  sender.join();
}

TEST_F(TunnelTest, SilenceEndsItAtItsLimitAndTrafficDoesNot) {
  config_.limits.tunnel_timeout_ms = 5'000;
  config_.limits.idle_timeout_ms = config_.limits.body_timeout_ms = config_.limits.head_timeout_ms = 500;
  open();
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(worker_->waits(1'500));  // longer than every other limit, and far from this one
    client_->send("x");
    EXPECT_EQ(worker_->next().payload, "x");
  }
  EXPECT_TRUE(client_->at_end());
  EXPECT_EQ(worker_->next().type, FrameType::abort);
}

TEST_F(TunnelTest, AWorkerThatDiesEndsTheTunnelAndNothingIsSentAgain) {
  open();
  auto other = add_worker(2, 7);
  worker_->die();
  EXPECT_TRUE(client_->at_end());
  EXPECT_FALSE(other->waits(100));
}

TEST_F(TunnelTest, AClientThatGoesAwayIsAnAbort) {
  open();
  linger now{1, 0};
  ::setsockopt(client_->fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  client_.reset();  // a reset
  EXPECT_EQ(worker_->next().type, FrameType::abort);
}

TEST_F(TunnelTest, TheCutOfItsGenerationIsACloseFrameBetweenTwoFrames) {
  open();
  std::string frame = text_frame("hello");
  worker_->body(slot_, frame.substr(0, 3));
  EXPECT_EQ(client_->read(3), frame.substr(0, 3));
  tell("cut", {{"generation", "6"}});
  tell("cut", {{"generation", "7"}});
  worker_->body(slot_, frame.substr(3) + text_frame("dropped"));
  EXPECT_EQ(client_->read(frame.size() - 3), frame.substr(3));
  EXPECT_EQ(client_->read(kGoodbye.size()), kGoodbye);
  client_->send("\x88\x82mask");
  EXPECT_EQ(worker_->next().payload, "\x88\x82mask");  // the application learns it
  worker_->body(slot_, "its own close frame is dropped", true);
  EXPECT_TRUE(client_->at_end());
}

TEST_F(TunnelTest, EveryTunnelOfTheGenerationIsTold) {
  start();
  worker_ = add_worker(1, 7, 20);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(ask("/chat", kUpgrade));
    worker_->open_tunnel(worker_->begin().slot);
    EXPECT_EQ(clients.back()->read_response().status, 101);
  }
  tell("cut", {{"generation", "7"}});
  for (auto& client : clients) EXPECT_EQ(client->read(kGoodbye.size()), kGoodbye);
}

TEST_F(TunnelTest, AWorkerThatNeverEndsItsFrameIsCutAfterAShortTime) {
  open();
  worker_->body(slot_, "\x81");
  EXPECT_EQ(client_->read(1), "\x81");
  in_thread([this] { thread_->apps().end_tunnels(); });
  EXPECT_TRUE(client_->at_end());
  EXPECT_EQ(worker_->next().type, FrameType::abort);
}

TEST_F(TunnelTest, AnotherProtocolHasNoGoodbyeAndJustEnds) {
  open("Connection: Upgrade\r\nUpgrade: raw/1\r\n", "raw/1");
  worker_->body(slot_, "x");
  EXPECT_EQ(client_->read(1), "x");
  tell("cut", {{"generation", "7"}});
  EXPECT_TRUE(client_->at_end());
  EXPECT_EQ(worker_->next().type, FrameType::abort);
}

TEST_F(TunnelTest, TheAccessLogGetsItsLineAtTheEnd) {
  std::string path = (folder_ / "access.log").string();
  open();
  in_thread(
      [&] { thread_->set_access_log(Fd(::open(path.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600))); });
  worker_->body(slot_, "12345", true);
  EXPECT_EQ(client_->read(5), "12345");
  client_->half_close();
  EXPECT_TRUE(client_->at_end());
  in_thread([&] { thread_->set_access_log(Fd()); });
  std::string line = read_file(path).value_or("");
  EXPECT_NE(line.find("\"GET /chat HTTP/1.1\" 101 5 "), std::string::npos) << line;
  EXPECT_NE(line.find(" foobar.com worker-1\n"), std::string::npos) << line;
}

}  // namespace
}  // namespace trimaran::front
