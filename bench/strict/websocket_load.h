// The WebSocket load: N connections, each sends a message with its number every interval and wants exactly that back
// (or what --expect-body says). A connection that the server closes is not opened again: what counts is when that
// happens, and with which code. The opening handshake counts as a request too.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "strict/options.h"
#include "strict/poller.h"
#include "strict/response_reader.h"
#include "strict/results.h"
#include "strict/websocket_frame.h"

namespace trimaran::strict {

class WebSocket final : public Poller::Handler {
 public:
  WebSocket(const Options& options, Poller& poller, Results& results, int number);

  void open(int64_t now_us);
  void on_events(uint32_t events) override;
  // Sends what is due, notices what took too long. `last`: only the answers that are still out are waited for, then the
  // connection is closed in order.
  void look_after(int64_t now_us, bool last);
  bool ended() const { return state_ == State::closed; }
  int64_t due_us() const { return state_ == State::open && !waiting_ ? due_us_ : INT64_MAX; }

 private:
  enum class State { connecting, handshake, open, closing, closed };
  void send(std::string bytes);
  void flush();
  void read();
  void feed(std::string_view bytes);
  bool take_handshake(std::string_view& bytes);
  void take_frames();
  void take_frame(Opcode opcode, std::string_view payload);
  void lost(Outcome outcome);
  void fail(Outcome outcome);
  void finish(Outcome outcome, std::string_view excerpt);
  void say_close(int code);

  const Options& options_;
  Poller& poller_;
  Results& results_;
  uint64_t id_;  // of the message under way: number x 1,000,000 + count
  State state_ = State::closed;
  Fd fd_;
  bool waiting_ = false;  // for a handshake or an echo
  int64_t due_us_ = 0;    // of what is waited for, or of the next message
  std::string expected_, in_, out_;
  ResponseReader reader_;
};

void run_websockets(const Options& options, Poller& poller, Results& results);

}  // namespace trimaran::strict
