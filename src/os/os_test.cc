#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "os/event_loop.h"
#include "os/message_socket.h"
#include "os/process.h"
#include "os/socket.h"

namespace trimaran {
namespace {

struct Recorder final : Timer {
  explicit Recorder(std::vector<int>& l, int i) : log(l), id(i) {}
  void on_timer() override { log.push_back(id); }
  std::vector<int>& log;
  int id;
};

TEST(TimerWheel, FiresInTimeNeverEarlyAndForgetsTheCancelled) {
  std::vector<int> log;
  TimerWheel wheel(1000);
  Recorder soon(log, 1), late(log, 2), cancelled(log, 3), next_turn(log, 4);
  wheel.arm(soon, 1015);
  wheel.arm(late, 2000);
  wheel.arm(cancelled, 1500);
  wheel.arm(next_turn, 1000 + 25'000);  // more than two turns of the wheel ahead
  cancelled.cancel();
  wheel.advance(1014);
  EXPECT_TRUE(log.empty());
  wheel.advance(1020);
  EXPECT_EQ(log, (std::vector<int>{1}));
  wheel.advance(25'990);
  EXPECT_EQ(log, (std::vector<int>{1, 2}));
  wheel.advance(26'000);
  EXPECT_EQ(log, (std::vector<int>{1, 2, 4}));
  EXPECT_EQ(wheel.wait_ms(26'000), -1);
}

TEST(TimerWheel, APastDeadlineFiresAtTheNextAdvance) {
  std::vector<int> log;
  TimerWheel wheel(1000);
  Recorder timer(log, 1);
  wheel.arm(timer, 5);
  wheel.advance(1010);
  EXPECT_EQ(log.size(), 1u);
}

TEST(EventLoop, ReadsPostsAndStops) {
  EventLoop loop;
  struct Reader final : IoHandler {
    void on_io(uint32_t) override {
      char c;
      while (::read(fd, &c, 1) == 1) text += c;
      if (text == "ab") owner->stop();
    }
    int fd = -1;
    std::string text;
    EventLoop* owner = nullptr;
  } reader;
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
  Fd in(fds[0]), out(fds[1]);
  reader.fd = in.get();
  reader.owner = &loop;
  ASSERT_TRUE(loop.add(in.get(), EPOLLIN | EPOLLET, reader));
  std::thread other([&] { loop.post([&] { ASSERT_EQ(::write(out.get(), "b", 1), 1); }); });
  ASSERT_EQ(::write(out.get(), "a", 1), 1);
  other.join();
  loop.run();
  EXPECT_EQ(reader.text, "ab");
}

TEST(MessageSocket, TheLastWordsOfAPeerThatLeftMessagesUnreadAreHeard) {
  auto pair = MessageSocket::make_pair();
  ASSERT_TRUE(pair);
  ASSERT_TRUE(pair->first.send({"unread", {}, {}}));
  ASSERT_TRUE(pair->second.send({"failed", {{"reason", "no module"}}, {}}));
  pair->second.close();  // the kernel answers our next recvmsg with ECONNRESET
  auto message = pair->first.receive();
  ASSERT_TRUE(message && *message);
  EXPECT_EQ((*message)->field("reason"), "no module");
  EXPECT_FALSE(pair->first.receive());
}

TEST(MessageSocket, CarriesFieldsAndDescriptors) {
  auto pair = MessageSocket::make_pair();
  ASSERT_TRUE(pair);
  auto file = make_memfd("test", "hello");
  ASSERT_TRUE(file);
  Message message{"config", {{"generation", "7"}, {"empty", ""}}, {}};
  message.fds.push_back(std::move(*file));
  ASSERT_TRUE(pair->first.send(message));
  auto received = pair->second.receive();
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->verb, "config");
  EXPECT_EQ((*received)->field("generation"), "7");
  EXPECT_EQ((*received)->field("empty"), "");
  ASSERT_EQ((*received)->fds.size(), 1u);
  EXPECT_EQ(read_memfd((*received)->fds[0]).value(), "hello");
  auto nothing = pair->second.receive();
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  pair->first.close();
  EXPECT_FALSE(pair->second.receive());
}

TEST(Socket, UdpHasRoomForAPauseOfItsReader) {
  auto socket = bind_udp(*parse_ip("127.0.0.1", 0), false);
  ASSERT_TRUE(socket);
  Fd plain(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto room = [](const Fd& fd) {
    int bytes = 0;
    socklen_t length = sizeof bytes;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, &length);
    return bytes;
  };
  EXPECT_GE(room(*socket), room(plain));
  if (::geteuid() != 0) return;
  EXPECT_EQ(room(*socket), 2 * kUdpBufferBytes);  // the kernel counts its own part too
}

TEST(Socket, AddressesAreReadAndWrittenAlike) {
  EXPECT_EQ(parse_address("127.0.0.1:80")->to_string(), "127.0.0.1:80");
  EXPECT_EQ(parse_address("[::1]:53")->to_string(), "[::1]:53");
  EXPECT_EQ(parse_address("8080")->to_string(), "0.0.0.0:8080");
  EXPECT_TRUE(parse_address(":8080")->is_wildcard());
  EXPECT_FALSE(parse_address("::1:80"));
  EXPECT_FALSE(parse_address("127.0.0.1:70000"));
  EXPECT_FALSE(parse_address("example.com:80"));
}

TEST(Process, StartsWithExactlyWhatItIsGiven) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  Fd in(fds[0]), out(fds[1]);
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", "echo \"$GREETING\" >&7; exit 3"};
  options.environment = {"GREETING=ahoy"};
  options.descriptors = {{7, out.get()}};
  auto process = spawn(options);
  ASSERT_TRUE(process) << process.error().message;
  out.reset();
  pollfd wait{process->pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 60'000), 1);
  char text[16] = {};
  EXPECT_EQ(::read(in.get(), text, sizeof text), 5);
  EXPECT_STREQ(text, "ahoy\n");
  EXPECT_EQ(try_reap(process->pid)->to_string(), "exited with status 3");
}

TEST(Process, AFailedStartNamesItsStep) {
  SpawnOptions options;
  options.argv = {"/nonexistent/program"};
  EXPECT_EQ(spawn(options).error().message, "cannot execute /nonexistent/program: No such file or directory");
  options.argv = {"/bin/true"};
  options.directory = "/nonexistent";
  EXPECT_EQ(spawn(options).error().message, "cannot enter the folder /nonexistent: No such file or directory");
}

}  // namespace
}  // namespace trimaran
