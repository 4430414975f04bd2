// One connection to a program that serves HTTP/1.1 or FastCGI: connecting, then one request at a time, idle in between.
// Bytes flow by the windows of channel.h in both directions, so it never holds more than a window of either body.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "os/event_loop.h"
#include "os/fd.h"
#include "pool/channel.h"
#include "pool/upstream_codec.h"

namespace trimaran::pool {

class UpstreamConnection;

// The channel that a connection belongs to. It deletes a connection that is closed, but only after the loop's round.
class UpstreamOwner {
 public:
  virtual ~UpstreamOwner() = default;
  // It can carry a request (the first is maybe waiting in it already).
  virtual void on_connected(UpstreamConnection& connection) = 0;
  // Nobody listens. Its request was never begun; returns whom to tell, nullptr when it has none.
  virtual Call* on_refused(UpstreamConnection& connection) = 0;
  // Its request has ended, and it is idle or closed: frees the slot and releases the target. The call hears of it
  // after.
  virtual void on_ended(UpstreamConnection& connection) = 0;
  // Closed while it was idle.
  virtual void on_idle_closed(UpstreamConnection& connection) = 0;
};

class UpstreamConnection final : public IoHandler, private Timer {
 public:
  static constexpr size_t kReadBytes = 64 * 1024;  // taken from the socket at a time
  static constexpr Millis kBacklogRetryMs = 10;    // a unix socket with a full backlog is tried again after
  // A request that was lost without a byte of an answer is told so late: a program that is dying closes its listener a
  // moment after its connections, and a request that is sent again at once would be lost in its backlog again.
  static constexpr Millis kLostMs = 100;

  enum class State : uint8_t { connecting, idle, busy, lost, closed };

  UpstreamConnection(EventLoop& loop, UpstreamOwner& owner, const std::string& address,
                     std::unique_ptr<UpstreamCodec> codec, std::string log_name);
  ~UpstreamConnection() override;

  // Begins to connect; nothing is called back before this returns.
  void connect();
  State state() const { return state_; }
  Call* call() const { return call_; }
  // An idle one: whether the peer is still there, as far as can be seen. The rest of the race (it closes while our
  // request is on its way) is what the retry rule is for.
  bool still_open() const;
  Millis idle_since() const { return idle_since_; }

  // On a connecting or an idle one.
  void start(Call& call, uint16_t slot, const worker::RequestHeadView& head, uint8_t flags);
  void send_body(std::string_view bytes, bool end);
  void add_credit(uint32_t bytes);
  // Forgets the call without a word, and closes.
  void close();
  uint16_t slot() const { return slot_; }

  void on_io(uint32_t events) override;

 private:
  void on_timer() override;
  void connect_now();
  void refused();
  bool finish_connect();
  void schedule_work();
  void work();
  void flush();
  void credit_sent_body();
  void read();
  bool take(std::string_view bytes);
  bool take_step(const UpstreamCodec::Step& step, std::string_view rest);
  void conclude(bool reusable, bool with_head);
  void peer_closed(bool error);
  void fail(int status, const std::string& reason);
  void lose();
  void tell_lost();

  EventLoop& loop_;
  UpstreamOwner& owner_;
  const std::string& address_;
  const std::unique_ptr<UpstreamCodec> codec_;
  const std::string log_name_;
  Fd socket_;
  State state_ = State::connecting;
  Call* call_ = nullptr;
  uint16_t slot_ = 0;
  Millis idle_since_ = 0;
  bool work_scheduled_ = false;
  bool readable_ = false;
  bool writable_ = false;
  bool hung_up_ = false;       // the peer has closed, or half of it
  bool write_failed_ = false;  // the peer takes no more; its response may still come
  bool half_close_ = false;    // a tunnel: our direction has ended
  bool has_body_ = false;      // the request has one
  bool begun_ = false;         // a byte of the request has left
  bool answered_ = false;      // a byte of the response has come
  bool carried_ = false;       // it has carried a request
  bool reused_ = false;        // it has carried a request before this one
  uint32_t read_window_ = 0;   // response bytes that the call can still take
  uint32_t uncredited_ = 0;    // body bytes in out_
  std::string in_;             // the beginning of what the codec has not taken yet
  std::string out_;
  size_t out_sent_ = 0;
};

}  // namespace trimaran::pool
