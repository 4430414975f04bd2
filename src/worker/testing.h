// A front that is played by a test, which writes and reads raw frames on its end of a channel; and a worker for it.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "os/message_socket.h"
#include "worker/frame.h"
#include "worker/ledger.h"
#include "worker/worker.h"

namespace trimaran::worker {

inline constexpr int kPatienceMs = 60'000;  // for what comes in a moment on a machine that is not busy

struct Reply {
  FrameType type;
  bool end;
  uint16_t slot;
  std::string payload;
};

class FakeFront {
 public:
  FakeFront() : ledger_fd_(*make_ledger()), ledger(*Ledger::map(ledger_fd_)) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    mine_ = Fd(fds[0]);
    theirs_ = Fd(fds[1]);
  }

  Message channel_message() {
    Message message{"channel", {}, {}};
    message.fds.push_back(std::move(theirs_));
    message.fds.push_back(*duplicate(ledger_fd_));
    return message;
  }

  void request(uint16_t slot, std::string_view path, bool end = true) {
    request_with(slot, path, end ? "GET" : "POST", end ? kEnd : kNoFlags);
  }
  void tunnel(uint16_t slot, std::string_view path) { request_with(slot, path, "GET", kTunnel); }
  void body(uint16_t slot, std::string_view bytes, bool end) {
    append_frame(out_, FrameType::body, end ? kEnd : kNoFlags, slot, bytes);
  }
  void credit(uint16_t slot, uint32_t bytes) { append_credit(out_, slot, bytes); }
  void frame(FrameType type, uint16_t slot) { append_frame(out_, type, kNoFlags, slot, {}); }
  void flush() {
    for (std::string_view left = out_; !left.empty();) {
      ssize_t n = ::send(mine_.get(), left.data(), left.size(), MSG_NOSIGNAL);
      ASSERT_GT(n, 0);
      left.remove_prefix(static_cast<size_t>(n));
    }
    out_.clear();
  }

  // The next frame from the worker; nothing at the end of the channel, or when it says nothing for `patience_ms`.
  std::optional<Reply> next(int patience_ms = kPatienceMs) {
    for (;;) {
      Frame frame;
      size_t consumed = 0;
      if (read_frame(in_, frame, consumed) == FrameStatus::frame) {
        Reply reply{frame.type, frame.end(), frame.slot, std::string(frame.payload)};
        in_.erase(0, consumed);
        return reply;
      }
      pollfd wait{mine_.get(), POLLIN, 0};
      char buffer[65536];
      if (::poll(&wait, 1, patience_ms) != 1) return std::nullopt;
      ssize_t n = receive(buffer, sizeof buffer);
      if (n <= 0) return std::nullopt;
      in_.append(buffer, static_cast<size_t>(n));
      ++reads;
    }
  }

  void close() { mine_.reset(); }

 private:
  void request_with(uint16_t slot, std::string_view path, std::string_view method, uint8_t flags) {
    RequestHeadView head;
    head.method = method;
    head.path = path;
    head.protocol = "HTTP/1.1";
    head.content_length = flags & kEnd ? 0 : -1;
    ledger.mark_sent(slot);
    append_request(out_, slot, flags, head);
  }
  ssize_t receive(char* buffer, size_t size) {
    iovec part{buffer, size};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t n = ::recvmsg(mine_.get(), &header, MSG_CMSG_CLOEXEC);
    if (cmsghdr* rights = CMSG_FIRSTHDR(&header)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
      files.emplace_back(fd);
    }
    return n;
  }

  Fd ledger_fd_, mine_, theirs_;
  std::string out_, in_;

 public:
  Ledger ledger;
  int reads = 0;
  std::vector<Fd> files;  // that came with frames, in order
};

// A worker's end with threads, and one front.
class WorkerEndTest : public testing::Test {
 protected:
  WorkerEndTest() {
    auto pair = MessageSocket::make_pair();
    supervisor_ = std::move(pair->first);
    worker_ = Worker::make(std::move(pair->second), 2);
    connect(front_);
  }
  void connect(FakeFront& front) { ASSERT_TRUE(supervisor_.send(front.channel_message())); }
  void drain() { ASSERT_TRUE(supervisor_.send({"drain", {}, {}})); }

  static void answer(Request& request, std::string_view text) {
    request.send_head({200, "OK", static_cast<int64_t>(text.size()), {}});
    request.finish_for_good(text);
  }
  // Serves with `threads` threads, each request answered with its path, until the worker drains.
  void serve_paths(int threads) {
    for (int i = 0; i < threads; ++i) {
      serving_.emplace_back([this] {
        while (auto request = worker_->next_request()) answer(*request, request->head().path);
      });
    }
  }
  void join() {
    for (auto& thread : serving_) thread.join();
    serving_.clear();
  }

  MessageSocket supervisor_;
  std::unique_ptr<Worker> worker_;
  FakeFront front_;
  std::vector<std::thread> serving_;
};

}  // namespace trimaran::worker
