#include "pool/upstream_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <optional>

#include "os/socket.h"
#include "pool/http_codec.h"

namespace trimaran::pool {
namespace {

struct TestCall final : Call {
  void on_response(const worker::ResponseHeadView& head, bool end) override {
    status = head.status;
    ended = end;
  }
  void on_response_body(std::string_view bytes, bool end) override {
    body += bytes;
    ended = end;
    if (end && on_end) on_end();
  }
  void on_response_file(Fd, worker::FileView) override {}
  void on_credit(uint32_t bytes) override { credit += bytes; }
  void on_failed(int with, std::string_view reason) override {
    failed_status = with;
    failed = reason;
  }
  void on_returned() override { returned = true; }
  void on_lost(Begun begun) override { lost = begun; }
  bool over() const { return ended || returned || lost || !failed.empty(); }
  int status = 0;
  bool ended = false, returned = false;
  std::function<void()> on_end;
  std::string body, failed;
  int failed_status = 0;
  size_t credit = 0;
  std::optional<Begun> lost;
};

struct TestWaiter final : Waiter {
  void on_granted(TargetId, bool) override { granted = true; }
  void on_refused() override {}
  bool granted = false;
};

// The program is played by the test, on a unix socket.
struct UpstreamChannelTest : testing::Test {
  UpstreamChannelTest() {
    char path[] = "/tmp/trimaran-upstream-XXXXXX";
    folder = ::mkdtemp(path);
    listen();
    pool.add_target(0, 1, 0, 4);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    lease = Fd(ends[0]);
    channel = std::make_unique<UpstreamChannel>(loop, pool, 1,
                                                UpstreamOptions{.address = folder + "/s",
                                                                .make_codec = [this] { return make_codec(); },
                                                                .capacity = 4,
                                                                .log_name = "test",
                                                                .lease = Fd(ends[1])},
                                                [this] { gone = true; });
  }
  ~UpstreamChannelTest() override {
    channel.reset();
    ::unlink((folder + "/s").c_str());
    ::rmdir(folder.c_str());
  }

  void listen() { listener = std::move(*listen_unix(folder + "/s", 0600)); }
  uint16_t send(TestCall& call, std::string_view method = "GET", int64_t length = 0) {
    EXPECT_EQ(pool.acquire(0, waiter).outcome, Pool::Outcome::granted);
    worker::RequestHeadView head;
    head.method = method;
    head.path = "/";
    head.content_length = length;
    int slot = channel->send_request(call, head, length == 0 ? worker::kEnd : worker::kNoFlags, false);
    EXPECT_GE(slot, 0);
    return static_cast<uint16_t>(slot);
  }
  // Rounds of the loop until it is so; a minute at most.
  template <class Condition>
  bool until(Condition condition) {
    for (Millis end = monotonic_ms() + 60'000; monotonic_ms() < end;) {
      if (condition()) return true;
      loop.run_once(10);
    }
    return false;
  }
  Fd accept() {
    Fd peer;
    EXPECT_TRUE(until([&] {
      peer = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      return static_cast<bool>(peer);
    }));
    return peer;
  }
  std::string read(const Fd& peer, size_t size = 1) {
    std::string out;
    EXPECT_TRUE(until([&] {
      char buffer[65536];
      ssize_t n = ::recv(peer.get(), buffer, sizeof buffer, 0);
      if (n > 0) out.append(buffer, static_cast<size_t>(n));
      return out.size() >= size;
    }));
    return out;
  }
  void say(const Fd& peer, std::string_view bytes) {
    ASSERT_EQ(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  bool lease_is_over() {
    char byte;
    return ::read(lease.get(), &byte, 1) == 0;
  }

  MakeCodec make_codec = [] { return std::make_unique<HttpCodec>(); };
  EventLoop loop;
  std::vector<EventLoop*> loops{&loop};
  Pool pool{loops, {}};
  TestWaiter waiter;
  std::string folder;
  Fd listener, lease;
  bool gone = false;
  std::unique_ptr<UpstreamChannel> channel;
};

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST_F(UpstreamChannelTest, AnswersAndUsesTheConnectionAgain) {
  TestCall first, second;
  send(first);
  Fd peer = accept();
  EXPECT_TRUE(read(peer).starts_with("GET / HTTP/1.1\r\n"));
  say(peer, kHello);
  EXPECT_TRUE(until([&] { return first.ended; }));
  EXPECT_EQ(first.body, "hello");
  EXPECT_EQ(pool.numbers().busy, 0u);
  send(second);
  EXPECT_TRUE(read(peer).starts_with("GET / "));  // on the same connection
  say(peer, kHello);
  EXPECT_TRUE(until([&] { return second.ended; }));
  EXPECT_EQ(channel->connections(), 1u);
}

TEST_F(UpstreamChannelTest, ClosesWhatStandsIdleTooLong) {
  TestCall call;
  send(call);
  Fd peer = accept();
  read(peer);
  say(peer, kHello);
  EXPECT_TRUE(until([&] { return channel->connections() == 0; }));
}

TEST_F(UpstreamChannelTest, WhereNobodyListensRequestsGoBackAndTheTargetComesBack) {
  listener.reset();
  ::unlink((folder + "/s").c_str());
  TestCall call;
  send(call);
  EXPECT_TRUE(until([&] { return call.returned; }));
  EXPECT_EQ(pool.acquire(0, waiter, true).outcome, Pool::Outcome::queued);
  listen();
  EXPECT_TRUE(until([&] { return waiter.granted; }));
}

TEST_F(UpstreamChannelTest, ARequestThatGotNoAnswerIsLost) {
  TestCall call;
  send(call);
  Fd peer = accept();
  read(peer);
  peer.reset();
  EXPECT_TRUE(until([&] { return call.over(); }));
  EXPECT_EQ(call.lost, Begun::yes);
  EXPECT_EQ(pool.numbers().busy, 0u);
}

TEST_F(UpstreamChannelTest, AnAnswerThatIsCutIsLost) {
  TestCall call;
  send(call);
  Fd peer = accept();
  read(peer);
  say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
  EXPECT_TRUE(until([&] { return call.body == "half"; }));
  peer.reset();
  EXPECT_TRUE(until([&] { return call.over(); }));
  EXPECT_EQ(call.lost, Begun::yes);
}

// RFC 9112 section 8. Once it was passed on as whole, with a last chunk behind it.
TEST_F(UpstreamChannelTest, AnAnswerThatEndsWithItsConnectionIsNotWholeWhenThatIsReset) {
  auto answer_and_reset = [this](TestCall& call, std::string_view method, int64_t length) {
    send(call, method, length);
    Fd peer = accept();
    say(peer, "HTTP/1.0 200 OK\r\n\r\nhalf");
    EXPECT_TRUE(until([&] { return call.body == "half"; }));
    peer.reset();  // with the request unread: a reset
    EXPECT_TRUE(until([&] { return call.over(); }));
  };
  TestCall get, post;
  answer_and_reset(get, "GET", 0);
  EXPECT_FALSE(get.ended);
  EXPECT_EQ(get.lost, Begun::yes);
  // A program that does not read a body to its end resets when it closes, and has said all that it wanted to say.
  answer_and_reset(post, "POST", 5);
  EXPECT_TRUE(post.ended);
}

TEST_F(UpstreamChannelTest, ABrokenAnswerFailsAndEndsTheConnection) {
  TestCall call;
  send(call);
  Fd peer = accept();
  read(peer);
  say(peer, "220 smtp.foobar.com ESMTP\r\n\r\n");
  EXPECT_TRUE(until([&] { return call.over(); }));
  EXPECT_NE(call.failed, "");
  EXPECT_EQ(call.failed_status, 502);
  EXPECT_TRUE(until([&] { return channel->connections() == 0; }));
}

TEST_F(UpstreamChannelTest, BytesBehindAnAnswerEndTheConnection) {
  TestCall call;
  send(call);
  Fd peer = accept();
  read(peer);
  say(peer, std::string(kHello) + "HTTP/1.1 200 smuggled");
  EXPECT_TRUE(until([&] { return call.ended; }));
  EXPECT_TRUE(until([&] { return channel->connections() == 0; }));
}

TEST_F(UpstreamChannelTest, TakesNoMoreThanAWindowOfAnAnswer) {
  TestCall call;
  uint16_t slot = send(call);
  Fd peer = accept();
  read(peer);
  say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n");
  std::string part(64 * 1024, 'x');
  size_t sent = 0;
  auto push = [&] {
    ssize_t n = ::send(peer.get(), part.data(), std::min(part.size(), 8'000'000 - sent), MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<size_t>(n);
  };
  EXPECT_TRUE(until([&] {
    push();
    return call.body.size() == worker::kBodyWindow;
  }));
  for (int i = 0; i < 50; ++i) {
    push();
    loop.run_once(0);
  }
  EXPECT_EQ(call.body.size(), worker::kBodyWindow);
  size_t credited = 0;
  EXPECT_TRUE(until([&] {
    push();
    if (call.body.size() > credited && !call.ended) {
      channel->send_credit(slot, static_cast<uint32_t>(call.body.size() - credited));
      credited = call.body.size();
    }
    return call.ended;
  }));
  EXPECT_EQ(call.body.size(), 8'000'000u);
}

TEST_F(UpstreamChannelTest, GivesCreditForABodyOnlyWhenItHasLeft) {
  TestCall call;
  uint16_t slot = send(call, "POST", 10'000'000);
  Fd peer = accept();
  channel->send_body(slot, std::string(worker::kBodyWindow, 'x'), false);
  size_t came = read(peer, worker::kBodyWindow).size();
  EXPECT_GE(came, worker::kBodyWindow);
  EXPECT_TRUE(until([&] { return call.credit == worker::kBodyWindow; }));
}

// As FastCGI does with a chunked body that does not end soon enough to be counted.
TEST_F(UpstreamChannelTest, ABodyThatTheProtocolCannotSendIs411) {
  struct CountsOnly final : UpstreamCodec {
    void start(const worker::RequestHeadView&, uint8_t, std::string& out) override { out = "head"; }
    bool body(std::string_view, bool, std::string&) override { return false; }
    Step next(std::string_view) override { return {}; }
    Step closed() override { return {Step::Kind::lost, 0, {}}; }
    const worker::ResponseHeadView& head() const override { return head_; }
    bool reusable() const override { return false; }
    worker::ResponseHeadView head_;
  };
  make_codec = [] { return std::make_unique<CountsOnly>(); };
  TestCall call;
  uint16_t slot = send(call, "POST", -1);
  channel->send_body(slot, "too long", false);
  EXPECT_FALSE(call.over()) << "no callback from within a call";
  EXPECT_TRUE(until([&] { return call.over(); }));
  EXPECT_EQ(call.failed_status, 411);
  EXPECT_EQ(pool.numbers().busy, 0u);
}

// Neither returned for any method, nor sent again by the channel for ever: the retry rule of app_handler.h stands, so a
// GET goes out once more and a POST does not.
TEST_F(UpstreamChannelTest, ANewConnectionThatIsClosedAtOnceLosesTheRequestOnce) {
  TestCall call;
  send(call);
  accept();
  EXPECT_TRUE(until([&] { return call.over(); }));
  EXPECT_EQ(call.lost, Begun::yes);
  EXPECT_FALSE(call.returned);
  EXPECT_EQ(channel->connections(), 0u);
}

TEST_F(UpstreamChannelTest, AnAbortClosesTheConnectionAndFreesTheTarget) {
  TestCall call;
  uint16_t slot = send(call);
  Fd peer = accept();
  read(peer);
  channel->abort(slot);
  EXPECT_EQ(pool.numbers().busy, 0u);
  char byte;
  EXPECT_TRUE(until([&] { return ::recv(peer.get(), &byte, 1, 0) == 0; }));
  EXPECT_FALSE(call.over());
}

// Once the second one was freed together with the first, before the work that it had scheduled in that round.
TEST_F(UpstreamChannelTest, ACallThatIsAbortedInTheRoundInWhichItBeganIsForgotten) {
  TestCall begun, aborted;
  send(begun);
  Fd peer = accept();
  read(peer);
  begun.on_end = [&] { channel->abort(send(aborted)); };
  say(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(until([&] { return begun.ended; }));
  loop.run_once(0);
  loop.run_once(0);
  EXPECT_FALSE(aborted.over());
  EXPECT_EQ(channel->connections(), 0u);
}

// Once such a target was granted and refused in turn, without a pause.
TEST_F(UpstreamChannelTest, SuspendsAgainWhatAnotherThreadHasResumed) {
  listener.reset();
  for (int i = 0; i < 2; ++i) {
    TestCall call;
    send(call);
    EXPECT_TRUE(until([&] { return call.returned; }));
    ASSERT_EQ(pool.acquire(0, waiter).outcome, Pool::Outcome::queued);
    pool.cancel(waiter);
    pool.resume_target(1);
  }
}

TEST_F(UpstreamChannelTest, IsGoneAfterItsLastCallOnceItIsRetired) {
  TestCall call;
  send(call);
  Fd peer = accept();
  read(peer);
  channel->retire();
  EXPECT_FALSE(gone);
  say(peer, kHello);
  EXPECT_TRUE(until([&] { return call.ended; }));
  EXPECT_TRUE(gone);
  EXPECT_FALSE(lease_is_over());
  channel.reset();
  EXPECT_TRUE(lease_is_over());  // the supervisor may end the program now
}

}  // namespace
}  // namespace trimaran::pool
