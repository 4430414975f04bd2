#include "supervisor/worker_slot.h"

#include <algorithm>

namespace trimaran {
namespace {

std::string mebibytes(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

WorkerSlot::WorkerSlot(Fleet& fleet, const Generation& generation, WorkerOwner& owner, std::string name,
                       Retired& retired)
    : fleet_(fleet),
      generation_(generation),
      owner_(owner),
      name_(std::move(name)),
      retired_(retired),
      current_(make_worker()) {}

std::unique_ptr<AppWorker> WorkerSlot::make_worker() {
  return std::make_unique<AppWorker>(fleet_, generation_, owner_, name_);
}

void WorkerSlot::replace(std::string_view reason, Millis limit_ms) {
  if (!serving()) return;  // its next start is a new worker anyway
  if (successor_) {
    limit_ms_ = std::min(limit_ms_, limit_ms);
    return;
  }
  limit_ms_ = limit_ms;
  const Service& old = current_->service();
  fleet_.runtime.say(old.name() + " (pid " + std::to_string(old.pid()) + ") is replaced: " + std::string(reason));
  successor_ = make_worker();
  successor_->start();
}

void WorkerSlot::on_hung(std::string_view reason) {
  // One worker, one replacement: its other threads may run into the timeout one after the other.
  if (successor_ && limit_ms_ <= kHungMs) return;
  current_->show_traceback();
  replace(reason, kHungMs);
}

void WorkerSlot::check_memory(uint64_t soft_bytes, uint64_t hard_bytes, Millis drain_ms) {
  uint64_t bytes = current_->resident_bytes();
  if (hard_bytes > 0 && bytes > hard_bytes) {
    replace("it uses " + mebibytes(bytes) + ", more than memory_hard (" + mebibytes(hard_bytes) + ")", kOverLimitMs);
    // Whether the successor serves by then or not: the memory is the whole machine's.
    current_->end_within(far_above(bytes, hard_bytes) ? 0 : kOverLimitMs);
  } else if (soft_bytes > 0 && bytes > soft_bytes) {
    const ServiceMachine& machine = current_->service().machine();
    if (fleet_.runtime.loop.now() - machine.since() < kSettleMs) return;
    replace("it uses " + mebibytes(bytes) + ", more than memory_soft (" + mebibytes(soft_bytes) + ")", drain_ms);
  }
}

void WorkerSlot::retire(Millis limit_ms) {
  for (auto* worker : {&successor_, &current_}) {
    if (!*worker) continue;
    (*worker)->retire(limit_ms);
    retired_.push_back(std::move(*worker));
  }
}

void WorkerSlot::kill() {
  current_->service().kill();
  if (successor_) successor_->service().kill();
}

void WorkerSlot::front_started() {
  if (serving()) current_->connect();
}

void WorkerSlot::on_change(const AppWorker& worker) {
  if (!successor_) return;
  bool ready = &worker == successor_.get() && worker.service().serving();
  bool lost = &worker == current_.get() && worker.service().state() == ServiceState::back_off;
  if (ready || lost) take_over();
}

void WorkerSlot::take_over() {
  std::unique_ptr<AppWorker> old = std::move(current_);
  current_ = std::move(successor_);
  current_->start();  // no effect while it runs; the end of a pause when the old one has died
  old->retire(limit_ms_);
  retired_.push_back(std::move(old));
}

void WorkerSlot::add_services(std::vector<const Service*>& out) const {
  out.push_back(&current_->service());
  if (successor_) out.push_back(&successor_->service());
}

}  // namespace trimaran
