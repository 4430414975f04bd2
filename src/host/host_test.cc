// trimaran-host as a process: this test is the supervisor and the front, with frames over a socket pair.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "base/time.h"
#include "os/message_socket.h"
#include "os/process.h"
#include "worker/frame.h"
#include "worker/ledger.h"

namespace trimaran::host {
namespace {

using worker::Frame, worker::FrameStatus, worker::FrameType;

constexpr int kPatienceMs = 60'000;  // asan builds on a busy machine

bool readable(int fd, int patience_ms) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, patience_ms) == 1;
}

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
  int64_t content_length = -1;
  bool failed = false;
  std::string reason;
};

class HostTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/host_test.XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override {
    front_.reset();  // the host ends with its front, whose clients are gone, and its supervisor
    supervisor_.close();
    if (process_.pid > 0) (void)wait_exit();
    std::filesystem::remove_all(folder_);
  }

  void start(const std::string& application, int threads = 2, const std::string& health = "") {
    auto pair = MessageSocket::make_pair();
    supervisor_ = std::move(pair->first);
    int log[2];
    ASSERT_EQ(::pipe2(log, O_CLOEXEC), 0);
    log_ = Fd(log[0]);
    Fd log_end(log[1]);
    SpawnOptions options;
    options.argv = {TRIMARAN_HOST};
    options.environment = {"TRIMARAN_APP=" + std::string(TRIMARAN_TEST_APPLICATIONS) + "/" + application,
                           "TRIMARAN_THREADS=" + std::to_string(threads), "TRIMARAN_HEALTH=" + health,
                           "DATABASE_URL=sqlite:///" + folder_ + "/site.db"};
    options.descriptors = {{2, log_end.get()}, {3, pair->second.fd()}};
    auto process = spawn(options);
    ASSERT_TRUE(process) << process.error().message;
    process_ = std::move(*process);
  }

  Message from_host() {
    while (readable(supervisor_.fd(), kPatienceMs)) {
      auto message = supervisor_.receive();
      if (!message) break;
      if (*message) return std::move(**message);
    }
    ADD_FAILURE() << "the host said nothing";
    return {};
  }

  void connect() {
    Fd ledger_fd = *worker::make_ledger();
    ledger_.emplace(*worker::Ledger::map(ledger_fd));
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    front_ = Fd(fds[0]);
    Message message{"channel", {}, {}};
    message.fds.emplace_back(fds[1]);
    message.fds.push_back(std::move(ledger_fd));
    ASSERT_TRUE(supervisor_.send(message));
  }

  void start_demo() {
    start("demo.so");
    ASSERT_EQ(from_host().verb, "ready");
    connect();
  }

  // A line may come in pieces, and behind others.
  bool is_logged(std::string_view text) {
    while (log_text_.find(text) == std::string::npos) {
      char buffer[4096];
      ssize_t size = readable(log_.get(), kPatienceMs) ? ::read(log_.get(), buffer, sizeof buffer) : 0;
      if (size <= 0) return false;
      log_text_.append(buffer, static_cast<size_t>(size));
    }
    return true;
  }

  int wait_exit() {
    if (!readable(process_.pidfd.get(), kPatienceMs)) {
      ADD_FAILURE() << "the host does not end";
      ::kill(process_.pid, SIGKILL);
    }
    readable(process_.pidfd.get(), kPatienceMs);
    auto exit = try_reap(process_.pid);
    process_ = {};
    return !exit ? -1 : exit->signaled ? -exit->code : exit->code;
  }

  void send(const std::string& bytes) {
    ASSERT_EQ(::send(front_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

  void request(uint16_t slot, std::string_view method, std::string_view path, const std::string* body = nullptr,
               std::string_view type = "application/x-www-form-urlencoded") {
    worker::RequestHeadView head;
    head.method = method;
    head.path = path;
    head.protocol = "HTTP/1.1";
    head.content_length = body ? static_cast<int64_t>(body->size()) : 0;
    head.headers = {{"Content-Type", type}};
    ledger_->mark_sent(slot);
    std::string out;
    worker::append_request(out, slot, !body, head);
    if (body) worker::append_frame(out, FrameType::body, worker::kEnd, slot, *body);
    send(out);
  }

  // Frames until the end of one response. `credit`: give the worker leave to go on.
  Answer answer(bool credit = true) {
    Answer out;
    Frame frame;
    while (next(frame)) {
      if (frame.type == FrameType::response) {
        worker::ResponseHeadView head;
        EXPECT_TRUE(worker::parse_response(frame.payload, head));
        out.status = head.status;
        out.content_length = head.content_length;
        for (const auto& [name, value] : head.headers) out.headers.emplace(name, value);
      } else if (frame.type == FrameType::body) {
        out.body += frame.payload;
        std::string leave;
        worker::append_credit(leave, frame.slot, static_cast<uint32_t>(frame.payload.size()));
        if (credit && !frame.payload.empty() && !frame.end()) send(leave);
      } else if (frame.type == FrameType::failed) {
        out.failed = true;
        out.reason = frame.payload;
      }
      if (frame.end() || out.failed) return out;
    }
    ADD_FAILURE() << "no answer";
    return out;
  }
  Answer get(std::string_view path) {
    request(0, "GET", path);
    return answer();
  }

  bool next(Frame& frame, int patience_ms = kPatienceMs) {
    in_.erase(0, std::exchange(consumed_, 0));
    while (worker::read_frame(in_, frame, consumed_) != FrameStatus::frame) {
      char buffer[65536];
      if (!readable(front_.get(), patience_ms)) return false;
      ssize_t size = ::recv(front_.get(), buffer, sizeof buffer, 0);
      if (size <= 0) return false;
      in_.append(buffer, static_cast<size_t>(size));
    }
    return true;
  }

  // All that a stream may send before it is given credit, and not a byte more.
  void take_a_window() {
    Frame frame;
    size_t received = 0;
    while (received < worker::kBodyWindow) {
      ASSERT_TRUE(next(frame));
      if (frame.type == FrameType::body) received += frame.payload.size();
    }
    EXPECT_EQ(received, worker::kBodyWindow);
    EXPECT_FALSE(next(frame, 300));
  }

  std::string folder_, in_, log_text_;
  size_t consumed_ = 0;
  MessageSocket supervisor_;
  Process process_;
  Fd log_, front_;
  std::optional<worker::Ledger> ledger_;
};

TEST_F(HostTest, TypedPathParametersReachTheHandler) {
  start_demo();
  Answer hello = get("/hello/W%C3%B6rld");
  EXPECT_EQ(hello.status, 200);
  EXPECT_EQ(hello.body, "Hello, Wörld!");
  EXPECT_EQ(hello.content_length, static_cast<int64_t>(hello.body.size()));
  EXPECT_EQ(hello.headers["Content-Type"], "text/plain; charset=utf-8");
  EXPECT_EQ(get("/sum/40/2").body, "42");
  EXPECT_EQ(get("/sum/40/two").status, 404);
}

TEST_F(HostTest, AMethodThatIsNotThereIs405WithAllow) {
  start_demo();
  request(0, "DELETE", "/hello/x");
  Answer refused = answer();
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers["Allow"], "GET, HEAD");
}

TEST_F(HostTest, HeadHasTheHeadersOfGetAndNoBody) {
  start_demo();
  request(0, "HEAD", "/hello/x");
  Answer head = answer();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.content_length, 9);
  EXPECT_EQ(head.body, "");
}

TEST_F(HostTest, WhatAHandlerThrowsIsA500AndALineInTheLog) {
  start_demo();
  EXPECT_EQ(get("/throw").status, 500);
  EXPECT_TRUE(is_logged("GET /throw: no soup today"));
  EXPECT_EQ(get("/hello/x").status, 200);
}

TEST_F(HostTest, FormsAreDecodedAndLimited) {
  start_demo();
  std::string form = "title=Ahoy+there%21";
  request(0, "POST", "/form", &form);
  EXPECT_EQ(answer().body, "Ahoy there!");
  request(1, "POST", "/form", &form, "application/json");
  EXPECT_EQ(answer().status, 415);
  std::string large(1001, 'a');
  request(2, "POST", "/form", &large);
  EXPECT_EQ(answer().status, 413);
}

TEST_F(HostTest, ABodyIsStreamedBeyondTheLimitOfForms) {
  start_demo();
  std::string body(100'000, 'b');
  request(0, "POST", "/count", &body);
  std::string count;
  Answer counted = answer();
  EXPECT_EQ(counted.body, "100000");
}

TEST_F(HostTest, AStreamWaitsForASlowClient) {
  start_demo();
  constexpr int kChunks = 2048;  // 2 MiB, eight windows
  request(0, "GET", "/stream/2048");
  take_a_window();
  std::string leave;
  worker::append_credit(leave, 0, worker::kBodyWindow);
  send(leave);
  Answer rest = answer();
  EXPECT_EQ(worker::kBodyWindow + rest.body.size(), kChunks * 1024u);
}

TEST_F(HostTest, AStreamThatThrowsCutsTheResponse) {
  start_demo();
  Answer broken = get("/broken-stream");
  EXPECT_TRUE(broken.failed);
  EXPECT_EQ(broken.reason, "the source dried up");
}

TEST_F(HostTest, AThreadThatWaitsDoesNotStopTheOthers) {
  start_demo();
  request(7, "GET", "/stream/2048");  // holds its thread until credit comes
  take_a_window();
  request(8, "GET", "/hello/x");
  EXPECT_EQ(answer().body, "Hello, x!");
}

TEST_F(HostTest, TheDatabaseOfTheSiteIsThere) {
  start_demo();
  request(0, "POST", "/notes/first%20note");
  EXPECT_EQ(answer().body, "1");
  EXPECT_EQ(get("/notes/1").body, "first note");
  EXPECT_EQ(get("/notes/2").status, 404);
}

TEST_F(HostTest, DrainEndsTheProcessWithZero) {
  start_demo();
  EXPECT_EQ(get("/hello/x").status, 200);
  ASSERT_TRUE(supervisor_.send({"drain", {}, {}}));
  EXPECT_EQ(wait_exit(), 0);
}

class RefusedApplication : public HostTest {
 protected:
  // The reason that the supervisor was told, which is also in the log.
  std::string refused(const std::string& application, const std::string& health = "") {
    start(application, 2, health);
    Message message = from_host();
    EXPECT_EQ(message.verb, "failed");
    std::string reason = message.field("reason");
    EXPECT_TRUE(is_logged(reason)) << log_text_;
    EXPECT_EQ(wait_exit(), 1);
    return reason;
  }
};

TEST_F(RefusedApplication, ThatIsMissing) {
  EXPECT_NE(refused("missing.so").find("missing.so: cannot open shared object file"), std::string::npos);
}

TEST_F(RefusedApplication, ThatIsNotHealthy) {
  EXPECT_EQ(refused("demo.so", "/notes/1"), "the health check /notes/1 answered 404");
}

TEST_F(HostTest, AHealthyApplicationIsReady) {
  start("demo.so", 2, "/hello/x");
  EXPECT_EQ(from_host().verb, "ready");
}

TEST_F(RefusedApplication, ThatIsNone) {
  EXPECT_NE(refused("stranger.so").find("is not a Trimaran application"), std::string::npos);
}

TEST_F(RefusedApplication, OfAnotherVersionOfTheApi) {
  EXPECT_NE(refused("old.so").find("compiled for version 999 of the Trimaran API, this is version 1: compile it again"),
            std::string::npos);
}

TEST_F(RefusedApplication, ThatThrowsAtStart) {
  EXPECT_NE(refused("throws.so").find("the configuration of the shop is missing"), std::string::npos);
}

TEST_F(RefusedApplication, ThatRegistersAnAddressTwice) {
  EXPECT_NE(refused("twice.so").find("two handlers for GET /posts/{title}"), std::string::npos);
}

}  // namespace
}  // namespace trimaran::host
