// One front thread's line to one worker: frames out in batches (one send for each round of the loop), frames in, and
// the slots of the requests under way.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "os/event_loop.h"
#include "os/fd.h"
#include "pool/channel.h"
#include "worker/frame.h"
#include "worker/ledger.h"

namespace trimaran::pool {

class WorkerChannel final : public Channel, public IoHandler, private Timer {
 public:
  static constexpr Millis kRecallAfterMs = 5;  // how long a request sent in advance may wait for its begin
  // The same for one whose target seemed free. It may still close an earlier request, or work for a front that died;
  // but a machine that is short of CPU must not see its requests go back and forth.
  static constexpr Millis kRecallFreeAfterMs = 100;
  static constexpr size_t kReadBytes = 256 * 1024;  // taken from the socket at a time
  static constexpr size_t kFilesMax = 2;  // descriptors whose frames are not whole: of one cut in two and of the next
  // A worker may not read for a while (an ASGI application that blocks its event loop): it is owed a window of each
  // request's body and its head. Who is owed twice as much is broken.
  static constexpr size_t kOutBytesMax = 2 * worker::kSlots * worker::kBodyWindow;

  // `on_gone` is called once, from the loop, when the worker has closed its end or broke the protocol; the owner then
  // deletes the channel (after the round).
  WorkerChannel(EventLoop& loop, Pool& pool, TargetId target, Fd socket, worker::Ledger ledger,
                std::function<void()> on_gone);
  ~WorkerChannel() override;

  TargetId target() const override { return target_; }
  bool gone() const override { return !socket_; }
  bool gave_up() const override { return gave_up_; }

  int send_request(Call& call, const worker::RequestHeadView& head, uint8_t flags, bool prefetched) override;
  void send_body(uint16_t slot, std::string_view bytes, bool end) override;
  void send_credit(uint16_t slot, uint32_t bytes) override;
  void recall() override { recall_waiting(true); }
  // The slot stays taken until the worker has let go of it.
  void abort(uint16_t slot) override;

  void on_io(uint32_t events) override;

 private:
  struct Slot {
    Call* call = nullptr;
    bool taken = false;
    bool answered = false;  // its head has come
    bool tunnel = false;    // ... with status 101
    Millis patience = 0;    // how long it may wait for its begin
    int64_t sent_at_us = 0;
  };

  void on_timer() override { recall_waiting(false); }
  void recall_waiting(bool all);  // those that wait too long for their begin, or all that wait for it
  void read_frames(bool to_end);
  bool handle(const worker::Frame& frame);
  bool handle_file(const worker::Frame& frame, const Slot& slot);
  bool handle_ended(const worker::Frame& frame, Slot& slot);
  Call* free_slot(uint16_t slot, bool tells_speed);
  void schedule_flush();
  void flush();
  void give_up(std::string_view why);
  void lose();

  EventLoop& loop_;
  Pool& pool_;
  const TargetId target_;
  Fd socket_;
  worker::Ledger ledger_;
  std::function<void()> on_gone_;
  std::string in_;         // the beginning of a frame whose rest has not come
  std::vector<Fd> files_;  // descriptors that came before their frames were whole; an empty one was lost on the way
  std::string out_;
  size_t out_sent_ = 0;
  bool gave_up_ = false;
  bool flush_scheduled_ = false;
  bool writable_ = true;
  std::array<Slot, worker::kSlots> slots_;
  std::vector<uint16_t> free_slots_;  // last in, first out: a few hot slots instead of the whole ledger
  worker::ResponseHeadView head_;
};

}  // namespace trimaran::pool
