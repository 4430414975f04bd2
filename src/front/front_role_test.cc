// The whole role, driven as the supervisor drives it: a message socket, a configuration in a memfd, listening sockets.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "config/config.h"
#include "front/front_main.h"
#include "front/test_client.h"
#include "os/message_socket.h"
#include "os/socket.h"
#include "role/role.h"

namespace trimaran::front {
namespace {

class RoleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("trimaran-role-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_ / "public");
    std::ofstream(folder_ / "public/index.html") << "<h1>home</h1>";
    auto pair = MessageSocket::make_pair();
    ASSERT_TRUE(pair);
    link_ = std::move(pair->first);
    role_ =
        std::thread([this, theirs = std::move(pair->second)]() mutable { exit_code_ = run_front(std::move(theirs)); });
  }
  void TearDown() override {
    link_.close();
    if (role_.joinable()) role_.join();
    std::filesystem::remove_all(folder_);
  }

  void send(std::string verb, std::map<std::string, std::string> fields = {}, Fd fd = {}) {
    Message message{std::move(verb), std::move(fields), {}};
    if (fd) message.fds.push_back(std::move(fd));
    ASSERT_TRUE(link_.send(message));
  }

  void send_config(const std::string& more = "") {
    SourceBundle sources;
    std::string text =
        "[site]\ndomain = \"foobar.com\"\nroot = \"public\"\n[server]\nthreads = 2\n[log]\naccess = \"off\"\n" + more;
    sources.files.push_back({(folder_ / "trimaran.toml").string(), text, 1});
    auto memfd = make_memfd("config", sources.encode());
    ASSERT_TRUE(memfd);
    send("config", {{"generation", "1"}}, std::move(*memfd));
  }

  void send_listeners() {
    auto first = listen_tcp(*parse_address("127.0.0.1:0"), {.reuse_port = true});
    ASSERT_TRUE(first);
    address_ = *local_address(first->get());
    auto second = listen_tcp(address_, {.reuse_port = true});
    ASSERT_TRUE(second);
    send("listener", {{"kind", "http"}, {"address", address_.to_string()}, {"thread", "0"}}, std::move(*first));
    send("listener", {{"kind", "http"}, {"address", address_.to_string()}, {"thread", "1"}}, std::move(*second));
  }

  Message receive() {
    pollfd wait{link_.fd(), POLLIN, 0};
    if (::poll(&wait, 1, TestClient::kWaitMs) != 1) return {};
    auto message = link_.receive();
    return message && *message ? std::move(**message) : Message{};
  }

  void start() {
    send_config();
    send_listeners();
    send("start");
    ASSERT_EQ(receive().verb, "ready");
  }

  std::filesystem::path folder_;
  MessageSocket link_;
  Address address_;
  std::thread role_;
  int exit_code_ = -1;
};

TEST_F(RoleTest, ServesWhatTheSupervisorGivesItAndTellsItsNumbers) {
  start();
  for (int i = 0; i < 4; ++i) {
    TestClient client(address_);
    client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
    EXPECT_EQ(client.read_response().body, "<h1>home</h1>");
  }
  send("status");
  Message status = receive();
  EXPECT_EQ(status.verb, "status");
  EXPECT_NE(status.field("json").find("\"requests\":4"), std::string::npos) << status.field("json");
}

// With some 400 sites the numbers were more than a message holds, and whoever asked for the status ended the front.
TEST_F(RoleTest, TheNumbersOfManyApplicationsArrive) {
  constexpr int kApps = 1'000;
  start();
  for (int i = 0; i < kApps; ++i) {
    send("app", {{"site", "shop-" + std::to_string(i) + ".foobar.com"}, {"state", "starting"}});
  }
  send("status");
  auto json = read_status(receive());
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_NE(json->find("\"shop-0.foobar.com\""), std::string::npos);
  EXPECT_NE(json->find("\"shop-999.foobar.com\""), std::string::npos);
}

TEST_F(RoleTest, AReloadTouchesNoConnection) {
  start();
  TestClient client(address_);
  client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  client.send("GET /new HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 404);
  send_config("[listen]\nhttp = \"" + address_.to_string() + "\"\n[[route]]\npath = \"/new\"\nredirect = \"/old\"\n");
  send("start");
  ASSERT_EQ(receive().verb, "ready");
  client.send("GET /new HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 308);
}

TEST_F(RoleTest, ABrokenReloadLeavesTheOldConfigurationServing) {
  start();
  send_config("nonsense = 1\n");
  EXPECT_EQ(receive().verb, "failed");
  TestClient client(address_);
  client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(RoleTest, DrainingAnswersWithCloseAndEndsWithTheLastConnection) {
  start();
  TestClient client(address_);
  client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  EXPECT_EQ(client.read_response().header("connection"), "");
  send("drain");
  // The idle connection is not closed: its next request is answered, and told that it was the last.
  TestResponse last;
  do {
    client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
    last = client.read_response();
    ASSERT_EQ(last.status, 200);
  } while (last.header("connection") != "close");
  EXPECT_TRUE(client.at_end());
  role_.join();
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(RoleTest, DrainingClosesWhoStaysIdle) {
  start();
  TestClient client(address_);
  client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  send("drain");
  EXPECT_TRUE(client.at_end());
  role_.join();
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(RoleTest, AHandOverAnswersWhatWasPipelinedAndSaysCloseOnce) {
  start();
  TestClient client(address_);
  client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  send("hand-over", {{"limit_ms", "60000"}});
  send("status");
  // The threads are told before they are asked for their numbers.
  ASSERT_NE(receive().field("json").find("\"draining\":true"), std::string::npos);
  std::string request = "GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n";
  client.send(request + request + request);
  EXPECT_EQ(client.read_response().header("connection"), "");
  EXPECT_EQ(client.read_response().header("connection"), "");
  EXPECT_EQ(client.read_response().header("connection"), "close");
  EXPECT_TRUE(client.at_end());
  role_.join();
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(RoleTest, AHandOverEndsAtItsLimit) {
  start();
  TestClient client(address_);
  client.send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  send("hand-over", {{"limit_ms", "1"}});
  EXPECT_TRUE(client.at_end()) << "it was idle, and its time was over";
  role_.join();
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(RoleTest, EndsWithItsSupervisor) {
  start();
  link_.close();
  role_.join();
  EXPECT_EQ(exit_code_, 0);
}

}  // namespace
}  // namespace trimaran::front
