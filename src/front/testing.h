// For tests: one front thread with a site whose workers are played by the test, frame by frame.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "front/app_pools.h"
#include "front/front_thread.h"
#include "front/test_client.h"
#include "worker/frame.h"
#include "worker/ledger.h"

namespace trimaran::front {

class TestWorker {
 public:
  static constexpr int kWaitMs = 60'000;  // for what comes in a moment on a machine that is not busy
  struct Got {
    worker::FrameType type = worker::FrameType::abort;
    uint8_t flags = 0;
    uint16_t slot = 0;
    std::string payload;
  };

  TestWorker() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    front_ = Fd(fds[0]);
    EXPECT_EQ(::fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    mine_ = Fd(fds[1]);
    memfd_ = std::move(*worker::make_ledger());
    ledger_ = std::make_unique<worker::Ledger>(*worker::Ledger::map(memfd_));
  }

  std::vector<Fd> front_ends() {
    std::vector<Fd> out;
    out.push_back(std::move(front_));
    out.push_back(*duplicate(memfd_));
    return out;
  }

  // The next frame; one of type `abort` in slot 0xffff when none comes.
  Got next() {
    for (;;) {
      worker::Frame frame;
      size_t consumed = 0;
      if (worker::read_frame(in_, frame, consumed) == worker::FrameStatus::frame) {
        Got got{frame.type, frame.flags, frame.slot, std::string(frame.payload)};
        in_.erase(0, consumed);
        return got;
      }
      char bytes[64 * 1024];
      ssize_t n = waits(kWaitMs) ? ::recv(mine_.get(), bytes, sizeof bytes, 0) : 0;
      if (n <= 0) return {.slot = 0xffff};
      in_.append(bytes, static_cast<size_t>(n));
    }
  }
  bool waits(int ms) {
    pollfd wait{mine_.get(), POLLIN, 0};
    return !in_.empty() || ::poll(&wait, 1, ms) == 1;
  }
  // Takes a request and begins it. What was aborted before is no news to this worker.
  Got begin() {
    Got got = next();
    while (got.type == worker::FrameType::abort && got.slot < worker::kSlots) got = next();
    EXPECT_EQ(got.type, worker::FrameType::request);
    EXPECT_TRUE(got.slot < worker::kSlots && ledger_->try_begin(got.slot));
    return got;
  }
  void respond(uint16_t slot, int status, std::string_view body, std::vector<worker::HeaderPair> headers = {}) {
    std::string out;
    worker::append_response(out, slot, false,
                            {static_cast<uint16_t>(status), "", static_cast<int64_t>(body.size()), headers});
    worker::append_frame(out, worker::FrameType::body, worker::kEnd, slot, body);
    say(out);
  }
  // A head that announces `length`, and part of a file as its body.
  void respond_file(uint16_t slot, int64_t length, int fd, worker::FileView part) {
    std::string out;
    worker::append_response(out, slot, false, {200, "", length, {}});
    say(out);
    out.clear();
    worker::append_file(out, slot, part);
    say(out, fd);
  }
  void open_tunnel(uint16_t slot, std::string_view protocol = "websocket") {
    std::string out;
    worker::append_response(out, slot, false, {101, "", -1, {{"Upgrade", protocol}}});
    say(out);
  }
  void body(uint16_t slot, std::string_view bytes, bool end = false) {
    std::string out;
    worker::append_frame(out, worker::FrameType::body, end ? worker::kEnd : worker::kNoFlags, slot, bytes);
    say(out);
  }
  void say(std::string_view bytes) { say(bytes, -1); }
  // With descriptor `fd` on the first byte.
  void say(std::string_view bytes, int fd) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof fd);
      std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    EXPECT_EQ(::sendmsg(mine_.get(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void die() { mine_.reset(); }

 private:
  Fd front_, mine_, memfd_;
  std::unique_ptr<worker::Ledger> ledger_;
  std::string in_;
};

class AppTest : public ::testing::Test {
 protected:
  AppTest() : folder_(std::filesystem::temp_directory_path() / ("trimaran-app-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    SiteConfig site;
    site.domain = "foobar.com";
    site.app = AppConfig{};
    site.app->kind = AppKind::asgi;
    config_.sites.push_back(site);
  }

  ~AppTest() override {
    if (thread_) thread_->loop().stop();
    if (runner_.joinable()) runner_.join();
    std::filesystem::remove_all(folder_);
  }

  AppConfig& app() { return *config_.sites[0].app; }

  void start() {
    thread_ =
        std::make_unique<FrontThread>(clients_, [this](EventLoop& loop) { return make_pooled_apps(pools_, loop); });
    thread_->set_config(config_);
    auto fd = listen_tcp(*parse_address("127.0.0.1:0"), {});
    ASSERT_TRUE(fd);
    address_ = *local_address(fd->get());
    thread_->add_listener(std::move(*fd), "test");
    runner_ = std::thread([this] { thread_->run(); });
  }

  // Runs `task` in the front thread and waits for it.
  template <class Task>
  void in_thread(Task task) {
    std::promise<void> done;
    thread_->loop().post([&] {
      task();
      done.set_value();
    });
    done.get_future().get();
  }

  std::unique_ptr<TestWorker> add_worker(int id, int generation = 1, int capacity = 1) {
    auto worker = std::make_unique<TestWorker>();
    in_thread([&] {
      thread_->apps().on_target({"target",
                                 {{"site", "foobar.com"},
                                  {"worker", std::to_string(id)},
                                  {"generation", std::to_string(generation)},
                                  {"capacity", std::to_string(capacity)}},
                                 worker->front_ends()});
    });
    return worker;
  }

  void tell(const std::string& verb, std::map<std::string, std::string> fields) {
    fields["site"] = "foobar.com";
    Message message{verb, std::move(fields), {}};
    pools_.on_message(message);
    in_thread([&] { thread_->apps().on_message(message); });
  }

  Message told() {
    std::lock_guard lock(mutex_);
    if (told_.empty()) return {};
    Message first = std::move(told_.front());
    told_.erase(told_.begin());
    return first;
  }

  // A request of this connection, without waiting for its answer.
  std::unique_ptr<TestClient> ask(std::string_view path, std::string_view more = "") {
    auto client = std::make_unique<TestClient>(address_);
    client->send("GET " + std::string(path) + " HTTP/1.1\r\nHost: foobar.com\r\n" + std::string(more) + "\r\n");
    return client;
  }

  std::filesystem::path folder_;
  Config config_;
  ClientTable clients_;
  std::mutex mutex_;
  std::vector<Message> told_;  // to the supervisor
  AppPools pools_{1, [this](Message message) {
                    std::lock_guard lock(mutex_);
                    told_.push_back(std::move(message));
                  }};
  std::unique_ptr<FrontThread> thread_;
  std::thread runner_;
  Address address_;
};

}  // namespace trimaran::front
