// One front thread on a loopback listener, spoken to in raw bytes: what a client sees of connections, files and limits.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "front/front_thread.h"
#include "front/test_client.h"

namespace trimaran::front {
namespace {

constexpr std::string_view kHost = " HTTP/1.1\r\nHost: foobar.com\r\n";

// The application of these tests: /echo gives the body back, /stream sends kStreamBytes as the client takes them,
// /deaf answers without reading the body, /split tries to inject a header.
constexpr size_t kStreamBytes = 8 << 20;

class Echo final : public Responder {
 public:
  explicit Echo(Exchange& exchange) : exchange_(exchange) {}
  void on_body_data(std::string_view bytes) override { body_ += bytes; }
  void on_body_end() override {
    exchange_.send_head({200, {{"Content-Type", "text/plain"}}});
    exchange_.send_body(body_);
    exchange_.finish();
  }

 private:
  Exchange& exchange_;
  std::string body_;
};

class Stream final : public Responder {
 public:
  explicit Stream(Exchange& exchange) : exchange_(exchange) {}
  void on_writable() override {
    while (left_ > 0) {
      size_t n = std::min<size_t>(left_, 64 * 1024);
      left_ -= n;
      if (!exchange_.send_body(std::string(n, 's'))) return;
    }
    exchange_.finish();
  }

 private:
  Exchange& exchange_;
  size_t left_ = kStreamBytes;
};

// Told to stop, it says a little in every round all the same, and waits for on_writable().
class Credit final : public Responder {
 public:
  explicit Credit(Exchange& exchange) : exchange_(exchange) {}
  void start() {
    exchange_.send_head({});
    EXPECT_FALSE(exchange_.send_body(std::string(Exchange::kSendQueueBytes + 1, 'c')));
    say_more();
  }
  void on_writable() override {
    *told_ = true;
    exchange_.finish();
  }

 private:
  void say_more() {
    exchange_.loop().post([this, told = told_] {
      if (*told) return;
      EXPECT_FALSE(exchange_.send_body("m")) << "it would wait for a word that does not come";
      say_more();
    });
  }
  std::shared_ptr<bool> told_ = std::make_shared<bool>(false);
  Exchange& exchange_;
};

class TestApp final : public Handler {
 public:
  void start(Exchange& exchange) override {
    std::string_view path = exchange.request().path;
    if (path == "/echo") {
      exchange.set_responder(std::make_unique<Echo>(exchange));
      exchange.resume_body();
    } else if (path == "/stream") {
      auto stream = std::make_unique<Stream>(exchange);
      Stream& started = *stream;
      exchange.set_responder(std::move(stream));
      exchange.send_head({});
      started.on_writable();
    } else if (path == "/credit") {
      auto credit = std::make_unique<Credit>(exchange);
      Credit& started = *credit;
      exchange.set_responder(std::move(credit));
      started.start();
    } else if (path == "/deaf") {
      exchange.send_head({200, {}, 2});
      exchange.send_body("ok");
      exchange.finish();
    } else if (path == "/split") {
      exchange.send_head({200, {{"X", "a\r\nSet-Cookie: b"}}, 0});
      exchange.finish();
    } else {
      exchange.fail(404, "no such page");
    }
  }
};

class TestApps final : public Apps {
 public:
  std::unique_ptr<Handler> make_handler(const SiteConfig&) override { return std::make_unique<TestApp>(); }
  void on_target(Message) override {}
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : folder_(std::filesystem::temp_directory_path() / ("trimaran-server-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_ / "docs");
    std::filesystem::create_directories(folder_ / ".well-known");
    write("index.html", "home");
    write("a.txt", "0123456789");
    write("docs/index.html", "docs");
    write(".secret", "secret");
    write(".well-known/x", "known");
    write("big.bin", std::string(3 << 20, 'b'));
    // Of no test but those that are about one of them: this thread may be held up for long.
    config_.limits.head_timeout_ms = config_.limits.body_timeout_ms = config_.limits.idle_timeout_ms = 60'000;
    SiteConfig site;
    site.domain = "foobar.com";
    site.aliases = {"www.foobar.com"};
    site.root = folder_.string();
    site.app = AppConfig{};
    RouteConfig files{
        .path = "/files/", .kind = RouteConfig::Kind::files, .files = folder_.string(), .cache_seconds = 60};
    RouteConfig moved{.path = "/moved", .kind = RouteConfig::Kind::redirect, .redirect = "/new", .status = 308};
    site.routes = {files, moved};
    config_.sites.push_back(site);
  }

  ~ServerTest() override {
    if (thread_) thread_->loop().stop();
    if (runner_.joinable()) runner_.join();
    std::filesystem::remove_all(folder_);
  }

  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }

  void start() {
    thread_ = std::make_unique<FrontThread>(clients_, [](EventLoop&) { return std::make_unique<TestApps>(); });
    thread_->set_config(config_);
    auto fd = listen_tcp(*parse_address("127.0.0.1:0"), {});
    ASSERT_TRUE(fd);
    address_ = *local_address(fd->get());
    thread_->add_listener(std::move(*fd), "test");
    runner_ = std::thread([this] { thread_->run(); });
  }

  TestResponse get(std::string_view path, std::string_view more = "", std::string_view method = "GET") {
    TestClient client(address_);
    client.send(std::string(method) + " " + std::string(path) + std::string(kHost) + std::string(more) + "\r\n");
    return client.read_response(method == "HEAD");
  }

  Counters counters() {
    std::promise<Counters> answer;
    thread_->loop().post([this, &answer] { answer.set_value(thread_->counters()); });
    return answer.get_future().get();
  }

  std::filesystem::path folder_;
  Config config_;
  ClientTable clients_;
  std::unique_ptr<FrontThread> thread_;
  std::thread runner_;
  Address address_;
};

TEST_F(ServerTest, AConnectionPersistsAndAPipelineIsAnsweredInOrder) {
  start();
  TestClient client(address_);
  std::string batch;
  for (int i = 0; i < 300; ++i) batch += (i % 2 ? "GET /a.txt" : "GET /") + std::string(kHost) + "\r\n";
  client.send(batch);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(client.read_response().body, i % 2 ? "0123456789" : "home") << i;
  EXPECT_EQ(counters().accepted, 1u);
}

TEST_F(ServerTest, APipelineMayMixFilesApplicationAndLargeBodies) {
  start();
  TestClient client(address_);
  std::string echo = "POST /echo" + std::string(kHost) + "Content-Length: 5\r\n\r\nhello";
  std::string big = "GET /big.bin" + std::string(kHost) + "\r\n";
  client.send(echo + big + echo + big + "HEAD /a.txt" + std::string(kHost) + "\r\n" + echo);
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(client.read_response().body.size(), size_t{3 << 20});
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(client.read_response().body.size(), size_t{3 << 20});
  EXPECT_EQ(client.read_response(true).header("content-length"), "10");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST_F(ServerTest, Http10ClosesUnlessAskedToKeepAlive) {
  start();
  TestClient closing(address_);
  closing.send("GET /a.txt HTTP/1.0\r\n\r\n");
  TestResponse response = closing.read_response();
  EXPECT_EQ(response.body, "0123456789");
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(closing.at_end());
  TestClient keeping(address_);
  keeping.send("GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(keeping.read_response().header("connection"), "keep-alive");
  // A body of unknown length ends with the connection.
  keeping.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(keeping.read_response().body.size(), kStreamBytes);
}

TEST_F(ServerTest, BodiesComeCountedChunkedAndAfter100Continue) {
  start();
  TestClient client(address_);
  client.send("POST /echo" + std::string(kHost) + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "abcde");
  client.send("POST /echo" + std::string(kHost) + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100);
  client.send("hello");
  EXPECT_EQ(client.read_response().body, "hello");
  std::string large(5 << 20, 'x');
  client.send("POST /echo" + std::string(kHost) + "Content-Length: " + std::to_string(large.size()) + "\r\n\r\n" +
              large);
  EXPECT_TRUE(client.read_response().body == large);
}

TEST_F(ServerTest, ABodyThatNobodyReadsDoesNotBecomeTheNextRequest) {
  start();
  TestClient client(address_);
  client.send("POST /deaf" + std::string(kHost) +
              "Content-Length: 25\r\n\r\nGET /a.txt HTTP/1.0\r\n\r\nxx"
              "GET /" +
              std::string(kHost) + "\r\n");
  EXPECT_EQ(client.read_response().body, "ok");
  EXPECT_EQ(client.read_response().body, "home");
  // With an expectation that was not met the client may or may not send the body: the connection ends.
  client.send("POST /deaf" + std::string(kHost) + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().header("connection"), "close");
}

TEST_F(ServerTest, AStreamGoesAsFastAsTheClientTakesIt) {
  start();
  TestClient client(address_, 8 * 1024);
  client.send("GET /stream" + std::string(kHost) + "\r\n");
  TestResponse response = client.read_response();
  EXPECT_EQ(response.header("transfer-encoding"), "chunked");
  EXPECT_EQ(response.body.size(), kStreamBytes);
}

// Credit that never came back: once send_body() has said false, half a queue later it said true, and on_writable() was
// forgotten.
TEST_F(ServerTest, WhoWasToldToStopIsToldToGoOn) {
  start();
  TestClient client(address_, 4096);
  client.send("GET /credit" + std::string(kHost) + "\r\n");
  EXPECT_GT(client.read_response().body.size(), Exchange::kSendQueueBytes);
}

TEST_F(ServerTest, AmbiguousRequestsAreRefusedAndEndTheConnection) {
  start();
  for (std::string_view request :
       {"GET / HTTP/1.1\nHost: foobar.com\n\n", "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"
        "\r\n\r\n0\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: foobar.com\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: foobar.com\r\nTransfer-Encoding: chunked\r\n\r\nxyz"}) {
    TestClient client(address_);
    client.send(request);
    TestResponse response = client.read_response();
    EXPECT_EQ(response.status, 400) << request;
    EXPECT_EQ(response.header("connection"), "close") << request;
    EXPECT_TRUE(client.at_end()) << request;
  }
}

// Its framing is sound, so the next request can be trusted to be one.
TEST_F(ServerTest, AMalformedPathIsRefusedAndTheConnectionGoesOn) {
  start();
  TestClient client(address_);
  for (std::string_view path : {"/%zz", "/a/%2e%2e/b", "//example.com/..", "/%00", "/%"}) {
    client.send("GET " + std::string(path) + std::string(kHost) + "\r\n");
    EXPECT_EQ(client.read_response().status, 400) << path;
  }
  client.send("GET /a.txt" + std::string(kHost) + "\r\n");
  EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(ServerTest, MethodsAndHostsAreChecked) {
  start();
  EXPECT_EQ(get("/a.txt", "", "TRACE").status, 405);
  EXPECT_EQ(get("/files/a.txt", "", "BREW").status, 501);
  EXPECT_EQ(get("*", "", "OPTIONS").status, 204);
  EXPECT_EQ(get("/files/a.txt", "", "POST").status, 405);
  EXPECT_EQ(get("/files/a.txt", "", "OPTIONS").header("allow"), "GET, HEAD, OPTIONS");
  auto with_host = [this](const std::string& host) {
    TestClient client(address_);
    client.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return client.read_response().status;
  };
  EXPECT_EQ(with_host("WWW.foobar.COM.:8080"), 200);
  EXPECT_EQ(with_host("127.0.0.1:8080"), 200);
  EXPECT_EQ(with_host("[::1]"), 200);
  EXPECT_EQ(with_host("localhost"), 200);
  EXPECT_EQ(with_host("evil.example"), 421);
}

TEST_F(ServerTest, EachHostHasItsOwnSite) {
  SiteConfig shop;
  shop.domain = "shop.test";
  shop.root = (folder_ / "docs").string();
  config_.sites.push_back(shop);
  start();
  auto of_host = [this](const std::string& host) {
    TestClient client(address_);
    client.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    TestResponse response = client.read_response();
    return response.status == 200 ? response.body : std::to_string(response.status);
  };
  EXPECT_EQ(of_host("foobar.com"), "home");
  EXPECT_EQ(of_host("www.foobar.com"), "home");
  EXPECT_EQ(of_host("Shop.test:8080"), "docs");
  EXPECT_EQ(of_host("127.0.0.1"), "421") << "which of the two is not said";
  EXPECT_EQ(of_host("www.shop.test"), "421");
}

TEST_F(ServerTest, FilesHaveIndexPagesRedirectsAndNoWayOut) {
  std::filesystem::create_symlink("a.txt", folder_ / "inside");
  std::filesystem::create_symlink("/etc/passwd", folder_ / "outside");
  std::filesystem::create_symlink("../..", folder_ / "up");
  start();
  EXPECT_EQ(get("/docs/").body, "docs");
  EXPECT_EQ(get("/docs?x=1").header("location"), "/docs/?x=1");
  EXPECT_EQ(get("/files/docs").header("location"), "/files/docs/");
  EXPECT_EQ(get("/files/a.txt").header("cache-control"), "max-age=60");
  EXPECT_EQ(get("/a%2Etxt").body, "0123456789");
  EXPECT_EQ(get("/inside").body, "0123456789");
  EXPECT_EQ(get("/.well-known/x").body, "known");
  for (const char* path : {"/outside", "/up/etc/passwd", "/.secret", "/files/.secret", "/docs%2Findex.html", "//a.txt",
                           "/a.txt/", "/nothing"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  EXPECT_EQ(get("/moved/x").header("location"), "/new");
}

TEST_F(ServerTest, ConditionsAndRangesFollowTheRfc) {
  start();
  TestResponse whole = get("/a.txt");
  std::string etag = whole.header("etag");
  EXPECT_EQ(get("/a.txt", "If-None-Match: " + etag + "\r\n").status, 304);
  EXPECT_EQ(get("/a.txt", "If-None-Match: W/" + etag + "\r\n").status, 304);
  EXPECT_EQ(get("/a.txt", "If-Match: \"x\"\r\n").status, 412);
  EXPECT_EQ(get("/a.txt", "If-Modified-Since: " + whole.header("last-modified") + "\r\n").status, 304);
  TestResponse part = get("/a.txt", "Range: bytes=2-4\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.header("content-range"), "bytes 2-4/10");
  EXPECT_EQ(get("/a.txt", "Range: bytes=10-\r\n").header("content-range"), "bytes */10");
  EXPECT_EQ(get("/a.txt", "Range: bytes=0-1,3-4\r\n").body, "0123456789");
  EXPECT_EQ(get("/a.txt", "Range: bytes=2-4\r\nIf-Range: \"old\"\r\n").body, "0123456789");
  EXPECT_EQ(get("/a.txt", "Range: bytes=2-4\r\nIf-Range: " + etag + "\r\n").body, "234");
  EXPECT_EQ(get("/big.bin", "Range: bytes=-5\r\n").body, "bbbbb");
}

TEST_F(ServerTest, AChangedFileShowsWithinASecond) {
  start();
  EXPECT_EQ(get("/a.txt").body, "0123456789");
  write("a.txt", "new");
  Millis deadline = monotonic_ms() + TestClient::kWaitMs;
  while (get("/a.txt").body != "new") ASSERT_LT(monotonic_ms(), deadline);
}

TEST_F(ServerTest, ASitesOwn404PageIsUsed) {
  config_.sites[0].app.reset();
  write("404.html", "lost");
  start();
  TestResponse response = get("/nothing");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "lost");
}

TEST_F(ServerTest, AnApplicationCannotSplitAResponse) {
  start();
  TestResponse response = get("/split");
  EXPECT_EQ(response.status, 502);
  EXPECT_EQ(response.header("set-cookie"), "");
}

TEST_F(ServerTest, LimitsOnTheRequestAreReached) {
  config_.limits.request_line_bytes = 100;
  config_.limits.header_bytes = 200;
  config_.limits.body_bytes = 10;
  start();
  EXPECT_EQ(get("/" + std::string(200, 'a')).status, 414);
  EXPECT_EQ(get("/", "A: " + std::string(200, 'a') + "\r\n").status, 431);
  EXPECT_EQ(get("/echo", "Content-Length: 11\r\n", "POST").status, 413);
  TestClient client(address_);
  client.send("POST /echo" + std::string(kHost) + "Transfer-Encoding: chunked\r\n\r\nb\r\n");
  EXPECT_EQ(client.read_response().status, 413);
  Counters c = counters();
  EXPECT_EQ(c.limit_head, 2u);
  EXPECT_EQ(c.limit_body, 2u);
}

TEST_F(ServerTest, ASlowHeadAndASlowBodyEndWith408) {
  config_.limits.head_timeout_ms = config_.limits.body_timeout_ms = 1'000;
  start();
  TestClient head(address_), body(address_);
  head.send("GET / HTTP/1.1\r\nHos");
  body.send("POST /echo" + std::string(kHost) + "Content-Length: 5\r\n\r\nhe");
  EXPECT_EQ(head.read_response().status, 408);
  EXPECT_TRUE(head.at_end());
  EXPECT_EQ(body.read_response().status, 408);
  EXPECT_TRUE(body.at_end());
}

TEST_F(ServerTest, AClientThatTakesNothingIsCut) {
  config_.limits.send_timeout_ms = 200;
  start();
  TestClient client(address_, 4096);
  client.send("GET /stream" + std::string(kHost) + "\r\n");
  Millis deadline = monotonic_ms() + TestClient::kWaitMs;
  while (counters().timeout_send == 0) ASSERT_LT(monotonic_ms(), deadline);
  EXPECT_EQ(counters().connections_open, 0u);
}

// Every pause is below send_timeout, and so is the last one before all that the kernel buffers has gone: what counts is
// what the client takes, not what the kernel takes from us.
TEST_F(ServerTest, AClientThatTakesLittleAtATimeIsServedToTheEnd) {
  config_.limits.send_timeout_ms = 4'000;  // this thread may be held up for a while too
  start();
  TestClient client(address_, 4096);
  client.send("GET /big.bin" + std::string(kHost) + "Range: bytes=0-399999\r\n\r\n");
  std::string got;
  Millis began = monotonic_ms();
  std::promise<void> never;
  auto pause = never.get_future();
  while (got.size() < 400'000) {
    pause.wait_for(std::chrono::milliseconds(90));  // the slowness under test
    std::string piece = client.read_some(4096);
    if (piece.empty()) break;
    got += piece;
  }
  EXPECT_GE(got.size(), 400'000u);
  EXPECT_GT(monotonic_ms() - began, 2 * config_.limits.send_timeout_ms);
  EXPECT_EQ(counters().timeout_send, 0u);
}

TEST_F(ServerTest, AClientThatTakesNothingOfAFileIsCutAndTheKernelHoldsLittle) {
  config_.limits.send_timeout_ms = 200;
  start();
  TestClient client(address_, 4096);
  client.send("GET /big.bin" + std::string(kHost) + "\r\n");
  Millis deadline = monotonic_ms() + TestClient::kWaitMs;
  while (counters().timeout_send == 0) ASSERT_LT(monotonic_ms(), deadline);
  EXPECT_LT(counters().bytes_sent, 512u * 1024) << "of 3 MiB";
}

TEST_F(ServerTest, AnIdleConnectionWithAnUntakenAnswerIsReset) {
  config_.limits.idle_timeout_ms = 200;
  write("fits.bin", std::string(100'000, 'f'));
  start();
  TestClient client(address_, 4096);
  client.send("GET /fits.bin" + std::string(kHost) + "\r\n");
  Millis deadline = monotonic_ms() + TestClient::kWaitMs;
  while (counters().timeout_idle == 0) ASSERT_LT(monotonic_ms(), deadline);
  std::string got;
  for (std::string piece; !(piece = client.read_some()).empty();) got += piece;
  EXPECT_LT(got.size(), 100'000u) << "the kernel went on sending after the end";
}

TEST_F(ServerTest, IdleConnectionsEndAtTheirTime) {
  config_.limits.idle_timeout_ms = 1'000;
  start();
  TestClient client(address_);
  client.send("GET /" + std::string(kHost) + "\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(counters().timeout_idle, 1u);
}

TEST_F(ServerTest, ConnectionsAreLimitedPerClientAndInAll) {
  config_.limits.connections_per_client = 2;
  start();
  std::string request = "GET /" + std::string(kHost) + "\r\n";
  TestClient first(address_), second(address_);
  first.send(request);
  second.send(request);
  EXPECT_EQ(first.read_response().status, 200);
  EXPECT_EQ(second.read_response().status, 200);
  TestClient third(address_);
  third.send(request);
  EXPECT_EQ(third.read_response().status, 0);
}

TEST_F(ServerTest, WhenTheFrontIsFullTheOldestIdleConnectionGoes) {
  config_.limits.connections = 2;
  start();
  std::string request = "GET /" + std::string(kHost) + "\r\n";
  TestClient first(address_), second(address_);
  first.send(request);
  EXPECT_EQ(first.read_response().status, 200);
  second.send(request);
  EXPECT_EQ(second.read_response().status, 200);
  TestClient third(address_);
  third.send(request);
  EXPECT_EQ(third.read_response().status, 200);
  EXPECT_TRUE(first.at_end());
  second.send(request);
  EXPECT_EQ(second.read_response().status, 200);
}

TEST_F(ServerTest, AConnectionServesOnlySoManyRequests) {
  config_.limits.requests_per_connection = 2;
  start();
  TestClient client(address_);
  client.send("GET /" + std::string(kHost) + "\r\nGET /" + std::string(kHost) + "\r\nGET /" + std::string(kHost) +
              "\r\n");
  EXPECT_EQ(client.read_response().header("connection"), "");
  EXPECT_EQ(client.read_response().header("connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST_F(ServerTest, TheAccessLogCannotBeForged) {
  start();
  std::string path = (folder_ / "access.log").string();
  std::promise<void> set;
  thread_->loop().post([&] {
    thread_->set_access_log(Fd(::open(path.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600)));
    set.set_value();
  });
  set.get_future().get();
  get("/a.txt?\"", "User-Agent: x\" 200 \\ \xff\r\nReferer: r\r\n");
  std::promise<void> closed;
  thread_->loop().post([&] {
    thread_->set_access_log(Fd());
    closed.set_value();
  });
  closed.get_future().get();
  std::string line = read_file(path).value_or("");
  EXPECT_NE(line.find("127.0.0.1 - - ["), std::string::npos) << line;
  EXPECT_NE(line.find("\"GET /a.txt?\\\" HTTP/1.1\" 200 10 \"r\" \"x\\\" 200 \\\\ \\xff\" 0.00"), std::string::npos)
      << line;
  EXPECT_NE(line.find(" foobar.com -\n"), std::string::npos) << line;
}

}  // namespace
}  // namespace trimaran::front
