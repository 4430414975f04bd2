#include "nameserver/tcp_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "base/time.h"
#include "dns/decode.h"
#include "dns/rdata.h"
#include "nameserver/testing.h"

namespace trimaran {
namespace {

std::string framed(std::string_view message) {
  return std::string{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())} + std::string(message);
}

std::string query(uint16_t id, std::string_view name = "www.foobar.com.") {
  return framed(dns::encode_query(id, name, dns::Type::A));
}

// Answers of 16 KB.
std::string thousand_addresses() {
  std::string records;
  for (int i = 0; i < 1000; ++i)
    records += "big A 10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "\n";
  return records;
}

class Client {
 public:
  explicit Client(const Address& server, const char* from = nullptr)
      : socket_(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (from != nullptr) {
      Address own = *parse_ip(from, 0);
      EXPECT_EQ(::bind(socket_.get(), own.get(), own.length), 0);
    }
    EXPECT_EQ(::connect(socket_.get(), server.get(), server.length), 0);
  }
  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // The next message; nothing when the server closed the connection.
  std::optional<dns::DecodedMessage> receive() {
    while (in_.size() < 2 || in_.size() - 2 < dns::read_u16(in_, 0)) {
      if (!read_some()) return std::nullopt;
    }
    size_t length = dns::read_u16(in_, 0);
    std::optional<dns::DecodedMessage> message = dns::decode_message(std::string_view(in_).substr(2, length));
    EXPECT_TRUE(message.has_value());
    in_.erase(0, 2 + length);
    return message;
  }
  bool is_closed() {
    while (read_some()) {
    }
    return closed_;
  }
  void end_input() const { ::shutdown(socket_.get(), SHUT_WR); }
  int fd() const { return socket_.get(); }

 private:
  bool read_some() {
    std::array<char, 65536> buffer;
    if (!wait_readable(socket_.get())) return false;
    ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) closed_ = true;
    if (n > 0) in_.append(buffer.data(), static_cast<size_t>(n));
    return n > 0;
  }

  Fd socket_;
  std::string in_;
  bool closed_ = false;
};

// A server on its own thread, as in the process.
class TcpServerTest : public testing::Test {
 protected:
  void serve(TcpLimits limits = {}, std::string records = "www A 1.2.3.4\n", int send_buffer = 0) {
    Result<Fd> listener = listen_tcp(*parse_ip("127.0.0.1", 0), {});
    ASSERT_TRUE(listener.has_value());
    // Its connections inherit it; the kernel's own choice grows to megabytes.
    if (send_buffer > 0) ::setsockopt(listener->get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    address = *local_address(listener->get());
    server.emplace(loop, make_snapshot(records), counters, limits);
    ASSERT_TRUE(server->listen(std::move(*listener), "main").has_value());
    thread = std::thread([this] { loop.run(); });
  }
  void TearDown() override {
    loop.stop();
    if (thread.joinable()) thread.join();
    server.reset();
  }

  EventLoop loop;
  NameserverCounters counters;
  std::optional<TcpServer> server;
  std::thread thread;
  Address address;
};

TEST_F(TcpServerTest, AnswersPipelinedQueries) {
  serve();
  Client client(address);
  std::string burst;
  for (uint16_t id = 0; id < 500; ++id) burst += query(id);
  client.send(burst);
  for (uint16_t id = 0; id < 500; ++id) {
    std::optional<dns::DecodedMessage> message = client.receive();
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->id, id);
    EXPECT_EQ(message->answer.size(), 1u);
  }
  EXPECT_EQ(counters.tcp_queries.get(), 500u);
}

TEST_F(TcpServerTest, ReadsQueriesThatArriveByteByByte) {
  serve();
  Client client(address);
  for (char byte : query(7)) client.send({&byte, 1});
  ASSERT_TRUE(client.receive().has_value());
}

TEST_F(TcpServerTest, AnswersWhatWasAskedBeforeTheEndOfInput) {
  serve();
  Client client(address);
  client.send(query(1) + query(2) + query(3).substr(0, 9));
  client.end_input();
  EXPECT_EQ(client.receive()->id, 1);
  EXPECT_EQ(client.receive()->id, 2);
  EXPECT_FALSE(client.receive().has_value());
  EXPECT_TRUE(client.is_closed());
}

TEST_F(TcpServerTest, SendsWholeLargeAnswers) {
  serve({}, thousand_addresses());
  Client client(address);
  client.send(query(1, "big.foobar.com."));
  EXPECT_EQ(client.receive()->answer.size(), 1000u);
}

// Queries that had waited for room were forgotten when one write(2) then took everything that had filled it.
TEST_F(TcpServerTest, AnswersQueriesThatWaitedForRoom) {
  serve({}, thousand_addresses());
  Client client(address);
  constexpr uint16_t kQueries = 1500;  // 24 MB, far more than the kernel's buffers
  std::string burst;
  for (uint16_t id = 0; id < kQueries; ++id) burst += query(id, "big.foobar.com.");
  client.send(burst);
  client.end_input();
  for (uint16_t id = 0; id < kQueries; ++id) {
    std::optional<dns::DecodedMessage> message = client.receive();
    ASSERT_TRUE(message.has_value()) << "after " << id << " answers";
    ASSERT_EQ(message->id, id);
  }
}

// Someone who takes answer after answer for longer than idle_ms, and is never through with what waits, rests not.
TEST_F(TcpServerTest, LetsASlowReaderGoOnWhileItTakesAnswers) {
  constexpr Millis kIdleMs = 3'000;  // this thread may be held up for a while too
  serve({.idle_ms = kIdleMs}, thousand_addresses(), 4096);
  Client client(address);
  int small = 4096;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  std::string burst;
  for (uint16_t id = 0; id < 1000; ++id) burst += query(id, "big.foobar.com.");
  client.send(burst);
  Millis end = monotonic_ms() + 3 * kIdleMs;
  for (uint16_t id = 0; monotonic_ms() < end; ++id) {
    std::optional<dns::DecodedMessage> message = client.receive();
    ASSERT_TRUE(message.has_value()) << "after " << id << " answers";
    ASSERT_EQ(message->id, id);
    (void)::poll(nullptr, 0, 30);  // the pace of its network
  }
  EXPECT_EQ(counters.tcp_timeouts.get(), 0u);
}

TEST_F(TcpServerTest, ClosesOnWhatIsNoQuery) {
  serve();
  std::string response = query(1);
  response[4] = static_cast<char>(0x80);
  for (const std::string& bytes : {std::string("\0\0", 2), std::string("\0\5hello", 7), std::string("\xFF\xFF", 2),
                                   std::string("GET / HTTP/1.1\r\n\r\n"), response}) {
    Client client(address);
    client.send(bytes);
    EXPECT_TRUE(client.is_closed());
  }
}

TEST_F(TcpServerTest, ClosesAConnectionThatRests) {
  serve({.idle_ms = 100});
  Client silent(address);
  Client started(address);
  started.send(query(1).substr(0, 5));
  EXPECT_TRUE(silent.is_closed());
  EXPECT_TRUE(started.is_closed());
  EXPECT_EQ(counters.tcp_timeouts.get(), 2u);
}

TEST_F(TcpServerTest, TakesOnlySoManyQueriesOfOneConnection) {
  serve({.queries_per_connection = 3});
  Client client(address);
  client.send(query(1) + query(2) + query(3) + query(4));
  for (int id : {1, 2, 3}) EXPECT_EQ(client.receive()->id, id);
  EXPECT_FALSE(client.receive().has_value());
}

// Closing a socket with unread queries in it resets the connection, and what the kernel had not sent yet was lost.
TEST_F(TcpServerTest, SendsTheLastAnswersOfAConnectionThatAskedTooMuch) {
  constexpr uint16_t kAnswered = 100;
  serve({.queries_per_connection = kAnswered}, thousand_addresses());
  Client client(address);
  std::string burst;
  for (uint16_t id = 0; id < 2000; ++id) burst += query(id, "big.foobar.com.");
  client.send(burst);
  for (uint16_t id = 0; id < kAnswered; ++id) {
    std::optional<dns::DecodedMessage> message = client.receive();
    ASSERT_TRUE(message.has_value()) << "after " << id << " answers";
    ASSERT_EQ(message->id, id);
  }
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(counters.tcp_queries.get(), kAnswered);
}

TEST_F(TcpServerTest, TakesOnlySoManyConnectionsOfOneClient) {
  serve({.connections_per_client = 2});
  Client first(address), second(address);
  for (Client* client : {&first, &second}) {
    client->send(query(1));
    EXPECT_TRUE(client->receive().has_value());
  }
  Client third(address);
  EXPECT_TRUE(third.is_closed());
  EXPECT_EQ(counters.tcp_refused.get(), 1u);
  first.send(query(2));
  EXPECT_TRUE(first.receive().has_value());
}

// On a socket of both families, as systemd opens [::]:53, the whole of IPv4 was one client.
TEST_F(TcpServerTest, TellsIpv4ClientsOfADualStackSocketApart) {
  Fd listener(::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int off = 0;
  ::setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) GTEST_SKIP() << "no IPv6 here";
  ASSERT_EQ(::listen(listener.get(), 16), 0);
  uint16_t port = local_address(listener.get())->port();
  server.emplace(loop, make_snapshot("www A 1.2.3.4\n"), counters, TcpLimits{.connections_per_client = 1});
  ASSERT_TRUE(server->listen(std::move(listener), "main").has_value());
  thread = std::thread([this] { loop.run(); });
  Client one(*parse_ip("127.0.0.1", port), "127.0.0.1"), other(*parse_ip("127.0.0.1", port), "127.0.0.2");
  for (Client* client : {&one, &other}) {
    client->send(query(1));
    EXPECT_TRUE(client->receive().has_value());
  }
  Client second(*parse_ip("127.0.0.1", port), "127.0.0.2");
  EXPECT_TRUE(second.is_closed());
}

TEST_F(TcpServerTest, MakesRoomByClosingTheOneThatRestedLongest) {
  serve({.connections = 2});
  Client first(address), second(address);
  for (Client* client : {&first, &second, &first}) {
    client->send(query(1));
    EXPECT_TRUE(client->receive().has_value());
  }
  Client third(address);
  third.send(query(1));
  EXPECT_TRUE(third.receive().has_value());
  EXPECT_TRUE(second.is_closed());
  first.send(query(2));
  EXPECT_TRUE(first.receive().has_value());
  EXPECT_EQ(counters.tcp_evicted.get(), 1u);
}

// A client that asks for 16 KB again and again and reads nothing: what waits for it is bounded, then its time is up.
TEST_F(TcpServerTest, BoundsWhatWaitsForASlowReader) {
  serve({.idle_ms = 300}, thousand_addresses());
  Client client(address);
  int small = 4096;  // so that the kernel's buffers do not hide the server's
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  std::string burst;
  for (int i = 0; i < 2000; ++i) burst += query(1, "big.foobar.com.");
  size_t sent = 0;
  for (pollfd room{client.fd(), POLLOUT, 0}; sent < burst.size() && counters.tcp_timeouts.get() == 0;) {
    if (::poll(&room, 1, 50) == 0) continue;
    ssize_t n = ::send(client.fd(), burst.data() + sent, burst.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) break;
    if (n > 0) sent += static_cast<size_t>(n);
  }
  pollfd closed{client.fd(), POLLRDHUP, 0};
  EXPECT_EQ(::poll(&closed, 1, kTestDeadlineMs), 1);
  // 2,000 answers would be 32 MB; the server made only what fits its bound and the kernel's buffers.
  EXPECT_LT(counters.tcp_queries.get(), 1000u);
  EXPECT_EQ(counters.tcp_timeouts.get(), 1u);
}

TEST_F(TcpServerTest, DrainsByClosingWhatRests) {
  serve();
  Client client(address);
  client.send(query(1));
  EXPECT_TRUE(client.receive().has_value());
  loop.post([this] { server->drain(); });
  EXPECT_TRUE(client.is_closed());
}

}  // namespace
}  // namespace trimaran
