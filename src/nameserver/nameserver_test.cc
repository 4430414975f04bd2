// The role as the supervisor sees it: messages on the link, datagrams and connections on the sockets it hands over.
#include "nameserver/nameserver.h"

#include <gtest/gtest.h>

#include "config/config.h"
#include "dns/decode.h"
#include "nameserver/testing.h"

namespace trimaran {
namespace {

class NameserverTest : public testing::Test {
 protected:
  void SetUp() override {
    auto pair = MessageSocket::make_pair();
    ASSERT_TRUE(pair.has_value());
    supervisor = std::move(pair->first);
    thread = std::thread([link = std::move(pair->second)]() mutable {
      EventLoop loop;
      Nameserver nameserver(loop, std::move(link));
      loop.run();
    });
  }
  void TearDown() override {
    supervisor.close();  // a child whose supervisor is gone exits
    if (thread.joinable()) thread.join();
  }

  void send(Message message) { EXPECT_TRUE(supervisor.send(message).has_value()); }
  Message receive() {
    EXPECT_TRUE(wait_readable(supervisor.fd()));
    auto message = supervisor.receive();
    return message && *message ? std::move(**message) : Message{};
  }
  // A reload keeps the listeners that the configuration names: `listeners` are its [listen] dns.
  void send_config(std::string_view address, const std::vector<const Fd*>& listeners = {}) {
    SourceBundle bundle;
    std::string text = "[site]\ndomain = \"foobar.com\"\naddress = [\"" + std::string(address) +
                       "\"]\n[[route]]\npath = \"/\"\nredirect = \"https://example.org/\"\n[listen]\ndns = [";
    for (const Fd* socket : listeners) text += "\"" + local_address(socket->get())->to_string() + "\", ";
    text += "]\n";
    bundle.files.push_back({"/site/trimaran.toml", text, 1});
    Message message{.verb = "config", .fields = {{"generation", "1"}}};
    message.fds.push_back(std::move(*make_memfd("config", bundle.encode())));
    send(std::move(message));
  }
  void send_listener(const std::string& kind, const Fd& socket) {
    Message message{.verb = "listener",
                    .fields = {{"kind", kind}, {"address", local_address(socket.get())->to_string()}, {"thread", "0"}}};
    message.fds.push_back(std::move(*duplicate(socket)));
    send(std::move(message));
  }
  std::string ask(const Fd& server) {
    Address address = *local_address(server.get());
    Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), address.get(), address.length), 0);
    std::string query = dns::encode_query(1, "foobar.com.", dns::Type::A);
    EXPECT_GT(::send(client.get(), query.data(), query.size(), 0), 0);
    std::array<char, 1232> buffer;
    EXPECT_TRUE(wait_readable(client.get()));
    ssize_t n = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    auto message = dns::decode_message({buffer.data(), n > 0 ? static_cast<size_t>(n) : 0});
    return message && message->answer.size() == 1 ? message->answer[0] : "no answer";
  }

  MessageSocket supervisor;
  std::thread thread;
};

TEST_F(NameserverTest, ServesReloadsReportsAndDrains) {
  Fd udp = std::move(*bind_udp(*parse_ip("127.0.0.1", 0), true));
  Fd tcp = std::move(*listen_tcp(*parse_ip("127.0.0.1", 0), {}));
  send_config("8.8.8.8", {&udp, &tcp});
  send_listener("dns-udp", udp);
  send_listener("dns-tcp", tcp);
  send({.verb = "start"});
  ASSERT_EQ(receive().verb, "ready");
  EXPECT_EQ(ask(udp), "foobar.com. 3600 A 8.8.8.8");

  send_config("9.9.9.9", {&udp, &tcp});
  send_listener("dns-udp", udp);  // told again at a reload, and not served twice
  send({.verb = "start"});
  ASSERT_EQ(receive().verb, "ready");
  EXPECT_EQ(ask(udp), "foobar.com. 3600 A 9.9.9.9");

  send({.verb = "status"});
  Message status = receive();
  EXPECT_EQ(status.verb, "status");
  EXPECT_EQ(status.field("json").substr(0, 72),
            R"({"zones":1,"records":5,"udp_queries":2,"tcp_queries":0,"answers":{"NOERR)");

  send({.verb = "drain"});
  EXPECT_TRUE(wait_readable(supervisor.fd()));  // the end of the line
  EXPECT_FALSE(supervisor.receive().has_value());
}

TEST_F(NameserverTest, AReloadThatRemovesAListenerClosesIt) {
  Fd udp = std::move(*bind_udp(*parse_ip("127.0.0.1", 0), true));
  Fd old_udp = std::move(*bind_udp(*parse_ip("127.0.0.1", 0), true));
  Fd old_tcp = std::move(*listen_tcp(*parse_ip("127.0.0.1", 0), {}));
  Address udp_address = *local_address(old_udp.get()), tcp_address = *local_address(old_tcp.get());
  send_config("8.8.8.8", {&udp, &old_udp, &old_tcp});
  send_listener("dns-udp", udp);
  send_listener("dns-udp", old_udp);
  send_listener("dns-tcp", old_tcp);
  send({.verb = "start"});
  ASSERT_EQ(receive().verb, "ready");

  send_config("9.9.9.9", {&udp});
  send({.verb = "start"});
  ASSERT_EQ(receive().verb, "ready");
  old_udp.reset();  // the supervisor's copies; now nobody has these ports
  old_tcp.reset();
  EXPECT_TRUE(bind_udp(udp_address, false));
  EXPECT_TRUE(listen_tcp(tcp_address, {}));
  EXPECT_EQ(ask(udp), "foobar.com. 3600 A 9.9.9.9");
}

TEST_F(NameserverTest, KeepsServingWhenANewConfigurationIsBroken) {
  Fd udp = std::move(*bind_udp(*parse_ip("127.0.0.1", 0), true));
  send_config("8.8.8.8", {&udp});
  send_listener("dns-udp", udp);
  send({.verb = "start"});
  ASSERT_EQ(receive().verb, "ready");
  send_config("not an address");
  EXPECT_EQ(receive().verb, "failed");
  EXPECT_EQ(ask(udp), "foobar.com. 3600 A 8.8.8.8");
}

TEST_F(NameserverTest, ExitsWhenItsFirstConfigurationIsBroken) {
  send_config("not an address");
  EXPECT_EQ(receive().verb, "failed");
  EXPECT_TRUE(wait_readable(supervisor.fd()));
  EXPECT_FALSE(supervisor.receive().has_value());
}

TEST_F(NameserverTest, AHandOverReadsNothingMoreAndFinishesItsConnections) {
  Fd udp = *bind_udp(*parse_address("127.0.0.1:0"), true);
  Fd tcp = *listen_tcp(*parse_address("127.0.0.1:0"), {.reuse_port = true});
  send_config("1.1.1.1", {&udp, &tcp});
  send_listener("dns-udp", udp);
  send_listener("dns-tcp", tcp);
  send({.verb = "start"});
  ASSERT_EQ(receive().verb, "ready");
  EXPECT_EQ(ask(udp), "foobar.com. 3600 A 1.1.1.1");

  Address address = *local_address(tcp.get());
  Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), address.get(), address.length), 0);
  std::string query = dns::encode_query(1, "foobar.com.", dns::Type::A);
  query.insert(0, {static_cast<char>(query.size() >> 8), static_cast<char>(query.size())});
  auto ask_tcp = [&] {
    EXPECT_GT(::send(client.get(), query.data(), query.size(), MSG_NOSIGNAL), 0);
    char buffer[1232];
    return wait_readable(client.get()) && ::recv(client.get(), buffer, sizeof buffer, 0) > 0;
  };
  EXPECT_TRUE(ask_tcp());

  send({.verb = "hand-over", .fields = {{"limit_ms", "60000"}}});
  send({.verb = "status"});
  ASSERT_EQ(receive().verb, "status");  // so the hand-over has begun

  // A question that comes now belongs to whoever reads the socket next: nobody has taken it.
  Fd asker(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Address server = *local_address(udp.get());
  ASSERT_EQ(::sendto(asker.get(), query.data() + 2, query.size() - 2, 0, server.get(), server.length),
            static_cast<ssize_t>(query.size() - 2));
  ASSERT_TRUE(wait_readable(udp.get()));
  EXPECT_TRUE(ask_tcp()) << "a connection goes on";
  char buffer[1232];
  EXPECT_EQ(::recv(udp.get(), buffer, sizeof buffer, 0), static_cast<ssize_t>(query.size() - 2));
  client.reset();
  thread.join();  // ends with its last connection
}

}  // namespace
}  // namespace trimaran
