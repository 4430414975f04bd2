// A channel (channel.h) to a program that listens: connections to one address, each with one request at a time. Idle
// ones are kept and used again, the last one first, so that the others grow old and are closed by us.
//
// A connection that was closed by the program while our request was on its way is the one race of keep-alive. It is
// made rare, not solved, because it cannot be: an idle connection is closed by us before the shortest limit that
// programs have, and looked at before it is used. What is left is a lost request, for which the retry rule of
// app_handler.h stands: GET, HEAD and OPTIONS go out again, others are 502.
//
// An address where nobody listens is a program that restarts: the target is suspended, what was meant for it goes back
// to the pool unbegun, and the address is tried until somebody listens again. So a restart is a short wait.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pool/upstream_connection.h"

namespace trimaran::pool {

struct UpstreamOptions {
  std::string address;   // "/path/of.sock" or "127.0.0.1:8000"
  MakeCodec make_codec;  // what it speaks
  int capacity = 1;      // requests that the target runs at a time
  std::string log_name;  // before what a FastCGI application writes to its error stream: "foobar.com"
  // Held as long as the channel lives: its closing tells the supervisor that this front is done with the target.
  Fd lease = Fd();
};

class UpstreamChannel final : public Channel, public UpstreamOwner, private Timer {
 public:
  // Below gunicorn's 2 s, the shortest default of all common servers (Node, uvicorn, Apache: 5 s).
  static constexpr Millis kIdleMs = 1'500;
  // A target that runs few requests at a time may give a process or a thread to each connection (php-fpm does). An idle
  // connection of this front thread would then keep other threads from it.
  static constexpr Millis kIdlePreciousMs = 20;
  static constexpr int kPreciousCapacityMax = 64;
  static constexpr size_t kIdleMax = 64;
  static constexpr Millis kRetryMs = 50;  // between two looks whether somebody listens again

  // `on_gone` is called once, from the loop, when the target was retired and the last call has ended; the owner then
  // deletes the channel (after the round).
  UpstreamChannel(EventLoop& loop, Pool& pool, TargetId target, UpstreamOptions options, std::function<void()> on_gone);
  ~UpstreamChannel() override;

  TargetId target() const override { return target_; }
  bool gone() const override { return gone_; }
  int send_request(Call& call, const worker::RequestHeadView& head, uint8_t flags, bool prefetched) override;
  void send_body(uint16_t slot, std::string_view bytes, bool end) override;
  void send_credit(uint16_t slot, uint32_t bytes) override;
  void abort(uint16_t slot) override;
  void retire() override;

  size_t connections() const { return connections_.size(); }

 private:
  void on_connected(UpstreamConnection& connection) override;
  Call* on_refused(UpstreamConnection& connection) override;
  void on_ended(UpstreamConnection& connection) override;
  void on_idle_closed(UpstreamConnection& connection) override;
  void on_timer() override;

  UpstreamConnection& open();
  UpstreamConnection* take_idle();
  void keep_idle(UpstreamConnection& connection);
  void close_old_idle(Millis now);
  void bury(UpstreamConnection& connection);
  void free_slot(uint16_t slot);
  void end_if_done();
  void arm_for(Millis deadline);

  EventLoop& loop_;
  Pool& pool_;
  const TargetId target_;
  const UpstreamOptions options_;
  std::function<void()> on_gone_;
  const Millis idle_ms_;
  bool suspended_ = false;
  bool retired_ = false;
  bool gone_ = false;
  size_t calls_ = 0;
  std::vector<std::unique_ptr<UpstreamConnection>> connections_;
  std::vector<UpstreamConnection*> idle_;  // the last used at the end
  std::vector<UpstreamConnection*> slots_;
  std::vector<uint16_t> free_slots_;
};

}  // namespace trimaran::pool
