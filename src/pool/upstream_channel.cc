#include "pool/upstream_channel.h"

#include <algorithm>

#include "base/assert.h"

namespace trimaran::pool {

using State = UpstreamConnection::State;

UpstreamChannel::UpstreamChannel(EventLoop& loop, Pool& pool, TargetId target, UpstreamOptions options,
                                 std::function<void()> on_gone)
    : loop_(loop),
      pool_(pool),
      target_(target),
      options_(std::move(options)),
      on_gone_(std::move(on_gone)),
      idle_ms_(options_.capacity <= kPreciousCapacityMax ? kIdlePreciousMs : kIdleMs) {}

UpstreamChannel::~UpstreamChannel() = default;

int UpstreamChannel::send_request(Call& call, const worker::RequestHeadView& head, uint8_t flags, bool) {
  if (gone_ || calls_ == worker::kSlots) return -1;
  UpstreamConnection* connection = take_idle();
  if (!connection) connection = &open();
  uint16_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint16_t>(slots_.size());
    slots_.push_back(connection);
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot] = connection;
  }
  ++calls_;
  connection->start(call, slot, head, flags);
  return slot;
}

void UpstreamChannel::send_body(uint16_t slot, std::string_view bytes, bool end) {
  slots_[slot]->send_body(bytes, end);
}

void UpstreamChannel::send_credit(uint16_t slot, uint32_t bytes) { slots_[slot]->add_credit(bytes); }

// HTTP/1.1 and FastCGI as php-fpm does it know no other way to abort a request than to close its connection.
void UpstreamChannel::abort(uint16_t slot) {
  UpstreamConnection* connection = slots_[slot];
  TRIMARAN_ASSERT(connection && connection->call());
  connection->close();
  on_ended(*connection);
}

void UpstreamChannel::retire() {
  retired_ = true;
  for (UpstreamConnection* connection : std::exchange(idle_, {})) {
    connection->close();
    bury(*connection);
  }
  end_if_done();
}

UpstreamConnection& UpstreamChannel::open() {
  connections_.push_back(
      std::make_unique<UpstreamConnection>(loop_, *this, options_.address, options_.make_codec(), options_.log_name));
  connections_.back()->connect();
  return *connections_.back();
}

UpstreamConnection* UpstreamChannel::take_idle() {
  while (!idle_.empty()) {
    UpstreamConnection* connection = idle_.back();
    idle_.pop_back();
    if (connection->still_open()) return connection;
    connection->close();
    bury(*connection);
  }
  return nullptr;
}

void UpstreamChannel::keep_idle(UpstreamConnection& connection) {
  if (retired_ || idle_.size() == kIdleMax) {
    connection.close();
    return bury(connection);
  }
  idle_.push_back(&connection);
  arm_for(loop_.now() + idle_ms_);
}

void UpstreamChannel::close_old_idle(Millis now) {
  while (!idle_.empty() && idle_.front()->idle_since() + idle_ms_ <= now) {
    idle_.front()->close();
    bury(*idle_.front());
    idle_.erase(idle_.begin());
  }
  if (!idle_.empty()) arm_for(idle_.front()->idle_since() + idle_ms_);
}

void UpstreamChannel::on_timer() {
  close_old_idle(loop_.now());
  // The connection is one more idle one if somebody listens; otherwise on_refused() comes here again.
  bool tries = std::any_of(connections_.begin(), connections_.end(),
                           [](const auto& connection) { return connection->state() == State::connecting; });
  if (suspended_ && !retired_ && !tries) open();
}

void UpstreamChannel::on_connected(UpstreamConnection& connection) {
  if (std::exchange(suspended_, false)) pool_.resume_target(target_);
  if (connection.state() == State::idle) keep_idle(connection);
}

Call* UpstreamChannel::on_refused(UpstreamConnection& connection) {
  Call* call = connection.call();
  // Also when we have said so before: another thread may have found somebody there meanwhile, and a target that is
  // granted and refused in turn would be asked without end.
  if (!retired_) pool_.suspend_target(target_);
  suspended_ = true;
  arm_for(loop_.now() + kRetryMs);
  connection.close();
  if (call)
    on_ended(connection);
  else
    bury(connection);
  return call;
}

void UpstreamChannel::on_ended(UpstreamConnection& connection) {
  free_slot(connection.slot());
  pool_.release(target_, -1);  // it tells nothing about speed: requests are never sent here in advance
  if (connection.state() == State::idle)
    keep_idle(connection);
  else
    bury(connection);
  end_if_done();
}

void UpstreamChannel::on_idle_closed(UpstreamConnection& connection) {
  std::erase(idle_, &connection);
  bury(connection);
}

void UpstreamChannel::bury(UpstreamConnection& connection) {
  auto found = std::find_if(connections_.begin(), connections_.end(),
                            [&](const auto& owned) { return owned.get() == &connection; });
  TRIMARAN_ASSERT(found != connections_.end());
  // In a task of its own, so that it comes after all that the connection has deferred itself. (std::function wants
  // copyable captures.)
  loop_.defer([dead = std::shared_ptr<UpstreamConnection>(std::move(*found))] {});
  connections_.erase(found);
}

void UpstreamChannel::free_slot(uint16_t slot) {
  slots_[slot] = nullptr;
  free_slots_.push_back(slot);
  --calls_;
}

void UpstreamChannel::end_if_done() {
  if (!retired_ || calls_ > 0 || gone_) return;
  gone_ = true;
  cancel();
  pool_.remove_target(target_);
  on_gone_();
}

void UpstreamChannel::arm_for(Millis deadline) {
  if (!armed() || Timer::deadline() > deadline) loop_.arm(*this, deadline);
}

}  // namespace trimaran::pool
