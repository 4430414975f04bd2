// The deadlines of a Connection: what it waits for now, how long it may, and what happens when that is over.
//
// Whether a client takes its response is not seen in what send(2) takes: the kernel buffers a part of it (listener.cc
// says how much) and takes the next only when that is half gone. So the kernel is asked what the client has
// acknowledged.
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "base/log.h"
#include "front/connection.h"
#include "front/http_exchange.h"

namespace trimaran::front {

// What has been done is done; what are we waiting for?
void Connection::settle() {
  Millis now = context_.loop.now();
  Wait wait = current_wait();
  if (wait != wait_ || progress_) since_ = now;
  if (wait == Wait::send && progress_) look_at_delivery();
  wait_ = wait;
  progress_ = false;
  if (wait == Wait::send)
    send_rate_.wait(now);
  else
    send_rate_.stop(now);
  if (wait == Wait::body)
    body_rate_.wait(now);
  else
    body_rate_.stop(now);

  if (in_ && in_->empty()) {
    context_.buffers.give(std::move(in_));
    in_.reset();
  }
  if (queue_.empty()) queue_.release();
  set_idle(wait == Wait::idle);
  arm_timer(wait);
  if (registered_) return;
  // Registered once, for everything: with edge triggering that costs nothing, and no epoll_ctl per state.
  registered_ = true;
  if (auto added = context_.loop.add(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this); !added) {
    log_error(added.error().message);
    registered_ = false;
    dead_ = true;
  }
}

Connection::Wait Connection::current_wait() const {
  if (half_closed_) return Wait::linger;
  if (!queue_.empty()) return Wait::send;
  if (exchange_ && exchange_->tunnel()) return Wait::tunnel;
  if (exchange_) return exchange_->body_wanted() ? Wait::body : Wait::none;
  return has_input() ? Wait::head : Wait::idle;
}

void Connection::arm_timer(Wait wait) {
  const LimitsConfig& limits = context_.limits();
  Millis now = context_.loop.now();
  auto with_rate = [&](Millis deadline, const RateGuard& guard) {
    return limits.body_rate_bytes == 0 ? deadline : std::min(deadline, guard.deadline(now, limits.body_rate_bytes));
  };
  switch (wait) {
    case Wait::none:
      return cancel();
    case Wait::idle:
      return context_.loop.arm(*this, since_ + limits.idle_timeout_ms);
    case Wait::head:
      return context_.loop.arm(*this, head_since_ + limits.head_timeout_ms);
    case Wait::body:
      return context_.loop.arm(*this, with_rate(since_ + limits.body_timeout_ms, body_rate_));
    case Wait::tunnel:
      return context_.loop.arm(*this, since_ + limits.tunnel_timeout_ms);
    case Wait::send:
      // A tunnel's messages are small: no rate can be asked of them.
      if (exchange_ && exchange_->tunnel()) return context_.loop.arm(*this, since_ + limits.send_timeout_ms);
      return context_.loop.arm(*this, with_rate(since_ + limits.send_timeout_ms, send_rate_));
    case Wait::linger:
      if (!armed()) context_.loop.arm(*this, now + kLingerMs);
      return;
  }
}

void Connection::on_timer() {
  Counters& counters = context_.counters;
  switch (wait_) {
    case Wait::none:
      return;
    case Wait::idle:
      return end_idle();
    case Wait::linger:
      return close();
    case Wait::send:
      return end_slow_send();
    case Wait::head:
      ++counters.timeout_head;
      begin_refused({408, "the request head came too slowly"});
      return advance();
    case Wait::tunnel:
      ++counters.timeout_tunnel;
      exchange_->fail(408, "the tunnel was silent for too long");
      return advance();
    case Wait::body:
      ++counters.timeout_body;
      exchange_->body_timed_out();
      return advance();
  }
}

// Whether the client has taken anything since the last look.
bool Connection::look_at_delivery() {
  int held = 0;
  ::ioctl(fd_.get(), SIOCOUTQ, &held);
  uint64_t delivered = sent_ - static_cast<uint64_t>(held);
  if (delivered <= delivered_) return false;
  send_rate_.add(delivered - delivered_);
  delivered_ = delivered;
  return true;
}

void Connection::end_slow_send() {
  Millis now = context_.loop.now();
  if (look_at_delivery()) since_ = now;
  arm_timer(Wait::send);
  if (deadline() > now) return;
  // What it has not taken by now it will not take: a reset gives the kernel's memory back at once.
  ++context_.counters.timeout_send;
  reset_ = true;
  close();
}

// The kernel may still be sending the end of the last response: that is no idleness, as long as it gets on.
void Connection::end_idle() {
  const LimitsConfig& limits = context_.limits();
  uint64_t before = delivered_;
  look_at_delivery();
  bool held = delivered_ < sent_;
  if (held && delivered_ - before >= limits.body_rate_bytes * static_cast<uint64_t>(limits.idle_timeout_ms) / 1000) {
    return context_.loop.arm(*this, context_.loop.now() + limits.idle_timeout_ms);
  }
  ++context_.counters.timeout_idle;
  reset_ = held;
  close();
}

void Connection::set_idle(bool idle) {
  // Idle again after a request: it moves to the end of the list.
  if (!idle && !idle_) return;
  (idle_ ? context_.idle : context_.active).remove(*this);
  (idle ? context_.idle : context_.active).push_back(*this);
  if (idle != idle_) context_.counters.connections_idle += idle ? 1 : -1;
  idle_ = idle;
}

}  // namespace trimaran::front
