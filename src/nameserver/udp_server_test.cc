#include <gtest/gtest.h>
#include <poll.h>

#include "dns/decode.h"
#include "nameserver/testing.h"
#include "nameserver/udp_thread.h"
#include "os/socket.h"

namespace trimaran {
namespace {

struct Client {
  Fd socket;

  explicit Client(const Address& server) : socket(::socket(server.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    // Connected: an answer from any other address than the one asked never arrives.
    EXPECT_EQ(::connect(socket.get(), server.get(), server.length), 0);
  }
  void send(std::string_view packet) const {
    EXPECT_EQ(::send(socket.get(), packet.data(), packet.size(), 0), static_cast<ssize_t>(packet.size()));
  }
  std::string receive() const {
    std::array<char, 4096> buffer;
    ssize_t n = wait_readable(socket.get()) ? ::recv(socket.get(), buffer.data(), buffer.size(), 0) : -1;
    return n < 0 ? "" : std::string(buffer.data(), static_cast<size_t>(n));
  }
};

std::optional<Address> serve(UdpThread& thread, std::string_view address) {
  Result<Fd> socket = bind_udp(*parse_ip(address, 0), true);
  if (!socket) return std::nullopt;
  Address bound = *local_address(socket->get());
  thread.add_socket(std::move(*socket), "main");
  return bound;
}

TEST(UdpServer, AnswersManyInOneGo) {
  UdpThread thread(make_snapshot("www A 1.2.3.4\n"));
  Client client(*serve(thread, "127.0.0.1"));
  constexpr uint16_t kQueries = 100;  // three batches and a rest
  for (uint16_t id = 0; id < kQueries; ++id) client.send(dns::encode_query(id, "www.foobar.com.", dns::Type::A));
  std::vector<bool> seen(kQueries);
  for (int i = 0; i < kQueries; ++i) {
    std::optional<dns::DecodedMessage> message = dns::decode_message(client.receive());
    ASSERT_TRUE(message.has_value());
    ASSERT_LT(message->id, kQueries);
    EXPECT_EQ(message->answer, std::vector<std::string>{"www.foobar.com. 3600 A 1.2.3.4"});
    seen[message->id] = true;
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), kQueries);
  EXPECT_EQ(thread.counters().udp_queries.get(), kQueries);
  EXPECT_EQ(thread.counters().answers[0].get(), kQueries);
}

TEST(UdpServer, DropsWhatIsNoQueryAndGoesOn) {
  UdpThread thread(make_snapshot("www A 1.2.3.4\n"));
  Client client(*serve(thread, "127.0.0.1"));
  client.send("");
  client.send("short");
  std::string response = dns::encode_query(1, "www.foobar.com.", dns::Type::A);
  response[2] = static_cast<char>(0x80);
  client.send(response);
  client.send(std::string(UdpServer::kMaxQueryBytes + 100, '\0'));  // cut off, and still only a FORMERR
  client.send(dns::encode_query(2, "www.foobar.com.", dns::Type::A));
  EXPECT_EQ(dns::decode_message(client.receive())->rcode, dns::Rcode::FORMERR);
  EXPECT_EQ(dns::decode_message(client.receive())->id, 2);
  EXPECT_EQ(thread.counters().dropped.get(), 3u);
}

// 127.0.0.2 is ours too, and the kernel would answer from 127.0.0.1 if nobody told it otherwise.
TEST(UdpServer, AnswersFromTheAddressThatWasAsked) {
  UdpThread thread(make_snapshot("www A 1.2.3.4\n"));
  std::optional<Address> v4 = serve(thread, "0.0.0.0");
  for (std::string_view asked : {"127.0.0.1", "127.0.0.2", "127.1.2.3"}) {
    Client client(*parse_ip(asked, v4->port()));
    client.send(dns::encode_query(1, "www.foobar.com.", dns::Type::A));
    EXPECT_NE(client.receive(), "") << asked;
  }
  std::optional<Address> v6 = serve(thread, "::");
  if (!v6) GTEST_SKIP() << "no IPv6 here";
  Client client(*parse_ip("::1", v6->port()));
  client.send(dns::encode_query(1, "www.foobar.com.", dns::Type::A));
  EXPECT_NE(client.receive(), "");
}

TEST(UdpServer, AnswersFromTheNewSnapshotAfterASwap) {
  SnapshotPtr first = make_snapshot("www A 1.1.1.1\n");
  std::weak_ptr<const dns::Snapshot> old = first;
  UdpThread thread(std::move(first));
  Client client(*serve(thread, "127.0.0.1"));
  client.send(dns::encode_query(1, "www.foobar.com.", dns::Type::A));
  EXPECT_EQ(dns::decode_message(client.receive())->answer[0], "www.foobar.com. 3600 A 1.1.1.1");
  thread.set_snapshot(make_snapshot("www A 2.2.2.2\n"));
  // Every answer is whole and of one version; the new one comes after some queries at most.
  for (int i = 0; i < 1000; ++i) {
    client.send(dns::encode_query(1, "www.foobar.com.", dns::Type::A));
    std::string answer = dns::decode_message(client.receive())->answer[0];
    if (answer == "www.foobar.com. 3600 A 2.2.2.2") {
      EXPECT_TRUE(old.expired()) << "the old version is still in memory";
      return;
    }
    EXPECT_EQ(answer, "www.foobar.com. 3600 A 1.1.1.1");
  }
  FAIL() << "still the old snapshot";
}

}  // namespace
}  // namespace trimaran
