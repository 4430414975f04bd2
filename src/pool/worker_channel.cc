#include "pool/worker_channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/assert.h"
#include "base/log.h"
#include "os/descriptor_passing.h"

namespace trimaran::pool {

using worker::Frame;
using worker::FrameStatus;
using worker::FrameType;
using worker::SlotState;

WorkerChannel::WorkerChannel(EventLoop& loop, Pool& pool, TargetId target, Fd socket, worker::Ledger ledger,
                             std::function<void()> on_gone)
    : loop_(loop),
      pool_(pool),
      target_(target),
      socket_(std::move(socket)),
      ledger_(std::move(ledger)),
      on_gone_(std::move(on_gone)) {
  free_slots_.reserve(worker::kSlots);
  for (size_t slot = worker::kSlots; slot-- > 0;) free_slots_.push_back(static_cast<uint16_t>(slot));
  if (auto added = loop_.add(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this); !added) {
    log_error(added.error().message);
  }
}

WorkerChannel::~WorkerChannel() {
  if (socket_) loop_.remove(socket_.get(), *this);
}

int WorkerChannel::send_request(Call& call, const worker::RequestHeadView& head, uint8_t flags, bool prefetched) {
  if (!socket_ || free_slots_.empty()) return -1;
  uint16_t slot = free_slots_.back();
  free_slots_.pop_back();
  Millis patience = prefetched ? kRecallAfterMs : kRecallFreeAfterMs;
  slots_[slot] = Slot{.call = &call, .taken = true, .patience = patience, .sent_at_us = loop_.now_us()};
  ledger_.mark_sent(slot);
  worker::append_request(out_, slot, flags, head);
  schedule_flush();
  Millis deadline = loop_.now() + patience;
  if (!armed() || Timer::deadline() > deadline) loop_.arm(*this, deadline);
  return slot;
}

void WorkerChannel::send_body(uint16_t slot, std::string_view bytes, bool end) {
  do {
    std::string_view part = bytes.substr(0, worker::kBodyFrameBytes);
    bytes.remove_prefix(part.size());
    bool last = end && bytes.empty();
    worker::append_frame(out_, FrameType::body, last ? worker::kEnd : worker::kNoFlags, slot, part);
  } while (!bytes.empty());
  schedule_flush();
}

void WorkerChannel::send_credit(uint16_t slot, uint32_t bytes) {
  worker::append_credit(out_, slot, bytes);
  schedule_flush();
}

void WorkerChannel::abort(uint16_t slot) {
  TRIMARAN_ASSERT(slots_[slot].taken);
  slots_[slot].call = nullptr;
  // Recalled: the worker will answer `skipped`. Otherwise it runs, and is told.
  if (!ledger_.try_recall(slot) && ledger_.state(slot) == SlotState::begun) {
    worker::append_frame(out_, FrameType::abort, worker::kNoFlags, slot, {});
    schedule_flush();
  }
}

// The wheel's ticks are coarser than kRecallAfterMs, so a request is taken back after 5 to 20 ms.
void WorkerChannel::recall_waiting(bool all) {
  int64_t left_us = INT64_MAX;  // until the next one has waited too long
  int64_t now = monotonic_us();
  std::vector<Call*> returned;
  for (Slot& slot : slots_) {
    if (!slot.taken || !slot.call) continue;
    auto index = static_cast<uint16_t>(&slot - slots_.data());
    if (ledger_.state(index) != SlotState::sent) continue;
    int64_t waits_us = slot.sent_at_us + slot.patience * 1000 - now;
    if (waits_us > 0 && !all) {
      left_us = std::min(left_us, waits_us);
    } else if (ledger_.try_recall(index)) {
      returned.push_back(std::exchange(slot.call, nullptr));
    }
  }
  if (left_us != INT64_MAX) loop_.arm(*this, loop_.now() + left_us / 1000 + 1);
  for (Call* call : returned) call->on_returned();
}

void WorkerChannel::on_io(uint32_t events) {
  constexpr uint32_t kEnded = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  // First what the worker has said: a send that fails must not throw away answers that are here.
  if (events & (EPOLLIN | kEnded)) read_frames(events & kEnded);
  if (socket_ && (events & EPOLLOUT)) {
    writable_ = true;
    if (!out_.empty()) flush();
  }
}

// `to_end`: the worker's end is closed, and no other event will say so: read until recv says it too.
void WorkerChannel::read_frames(bool to_end) {
  // One buffer for each thread: a channel keeps bytes only between the two halves of a frame.
  thread_local const std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  for (;;) {
    std::optional<Fd> came;
    ssize_t n = receive_bytes(socket_.get(), {buffer.get(), kReadBytes}, came);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return lose();
    if (came) files_.push_back(std::move(*came));
    std::string_view bytes(buffer.get(), static_cast<size_t>(n));
    std::string joined;
    if (!in_.empty()) {
      in_.append(bytes);
      joined.swap(in_);
      bytes = joined;
    }
    Frame frame;
    size_t consumed = 0;
    FrameStatus status;
    while ((status = worker::read_frame(bytes, frame, consumed)) == FrameStatus::frame) {
      bytes.remove_prefix(consumed);
      bool good = handle(frame);
      if (!socket_) return;
      if (!good) {
        status = FrameStatus::invalid;
        break;
      }
    }
    if (status == FrameStatus::invalid || files_.size() > kFilesMax) {
      return give_up("broke the frame protocol");
    }
    in_.assign(bytes);
    if (in_.empty()) files_.clear();  // they belong to no frame
    if (static_cast<size_t>(n) < kReadBytes && !came && !to_end) return;
  }
}

// False: the frame makes no sense for its slot.
bool WorkerChannel::handle(const Frame& frame) {
  Slot& slot = slots_[frame.slot];
  if (!slot.taken) return false;
  switch (frame.type) {
    case FrameType::response:
      if (slot.answered || !worker::parse_response(frame.payload, head_)) return false;
      slot.answered = true;
      slot.tunnel = head_.status == 101;
      if (frame.end()) return handle_ended(frame, slot);
      if (slot.call) slot.call->on_response(head_, false);
      return true;
    case FrameType::body:
      if (!slot.answered) return false;
      if (frame.end()) return handle_ended(frame, slot);
      if (slot.call) slot.call->on_response_body(frame.payload, false);
      // Nobody reads an aborted response: its worker must not wait for credit.
      else
        worker::append_credit(out_, frame.slot, static_cast<uint32_t>(frame.payload.size())), schedule_flush();
      return true;
    case FrameType::credit: {
      auto bytes = worker::read_credit(frame);
      if (!bytes) return false;
      if (slot.call) slot.call->on_credit(*bytes);
      return true;
    }
    case FrameType::failed:
    case FrameType::skipped:
      return handle_ended(frame, slot);
    case FrameType::file:
      return handle_file(frame, slot);
    case FrameType::request:
    case FrameType::abort:
      return false;
  }
  return false;
}

bool WorkerChannel::handle_file(const Frame& frame, const Slot& slot) {
  auto part = worker::read_file_view(frame);
  if (!slot.answered || slot.tunnel || !part || files_.empty()) return false;
  Fd file = std::move(files_.front());
  files_.erase(files_.begin());
  Call* call = free_slot(frame.slot, true);
  if (call && file)
    call->on_response_file(std::move(file), *part);
  else if (call)
    call->on_failed(500, "the front has no descriptor left for the application's file");
  return true;
}

// The slot and the target are given back before the call hears of it, because the call may be gone afterwards.
bool WorkerChannel::handle_ended(const Frame& frame, Slot& slot) {
  if (frame.type == FrameType::skipped) {
    bool recalled = ledger_.state(frame.slot) == SlotState::recalled;
    // A request that nobody recalled comes back from a worker that drains: it wants no more.
    if (!recalled) pool_.retire_target(target_);
    Call* call = free_slot(frame.slot, false);
    if (call) call->on_returned();
    return true;
  }
  (void)slot;
  Call* call = free_slot(frame.slot, true);
  if (!call) return true;
  switch (frame.type) {
    case FrameType::response:
      call->on_response(head_, true);
      break;
    case FrameType::body:
      call->on_response_body(frame.payload, true);
      break;
    default:
      call->on_failed(500, frame.payload);
  }
  return true;
}

Call* WorkerChannel::free_slot(uint16_t index, bool tells_speed) {
  Slot& slot = slots_[index];
  Call* call = slot.call;
  int64_t took = tells_speed && !slot.tunnel ? loop_.now_us() - slot.sent_at_us : -1;
  slot = Slot{};
  ledger_.mark_free(index);
  free_slots_.push_back(index);
  pool_.release(target_, took);
  return call;
}

void WorkerChannel::schedule_flush() {
  if (flush_scheduled_ || !socket_ || !writable_) return;
  flush_scheduled_ = true;
  loop_.defer([this] {
    flush_scheduled_ = false;
    flush();
  });
}

void WorkerChannel::flush() {
  while (socket_ && out_sent_ < out_.size()) {
    ssize_t n = ::send(socket_.get(), out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      writable_ = false;
      if (out_sent_ >= out_.size() / 2) out_.erase(0, std::exchange(out_sent_, 0));
      if (out_.size() - out_sent_ > kOutBytesMax) give_up("does not read");
      return;
    }
    if (n < 0) {
      read_frames(true);
      return lose();
    }
    out_sent_ += static_cast<size_t>(n);
  }
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > worker::kFramePayloadMax) out_.shrink_to_fit();
}

void WorkerChannel::give_up(std::string_view why) {
  log_error("worker " + std::to_string(target_) + " " + std::string(why) + "; its channel is closed");
  gave_up_ = true;
  lose();
}

void WorkerChannel::lose() {
  if (!socket_) return;
  loop_.remove(socket_.get(), *this);
  socket_.reset();
  cancel();
  pool_.remove_target(target_);
  std::vector<std::pair<Call*, Begun>> lost;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].taken || !slots_[i].call) continue;
    bool begun = ledger_.state(static_cast<uint16_t>(i)) == SlotState::begun;
    lost.emplace_back(slots_[i].call, begun ? Begun::yes : Begun::no);
    slots_[i] = Slot{};
  }
  for (auto& [call, begun] : lost) call->on_lost(begun);
  on_gone_();
}

}  // namespace trimaran::pool
