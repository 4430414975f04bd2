#include "pool/pool.h"

#include <algorithm>

#include "base/assert.h"

namespace trimaran::pool {

Pool::Pool(const std::vector<EventLoop*>& loops, PoolLimits limits, int64_t (*now_us)())
    : loops_(loops), now_us_(now_us), limits_(limits), deliveries_(loops_.size()) {
  TRIMARAN_ASSERT(loops_.size() <= kThreadsMax);
}

Pool::Target* Pool::find(TargetId id) {
  for (Target& target : targets_) {
    if (target.id == id) return &target;
  }
  return nullptr;
}

void Pool::add_target(size_t thread, TargetId id, Generation generation, int capacity) {
  std::lock_guard lock(mutex_);
  Target* target = find(id);
  if (!target) target = &targets_.emplace_back(Target{.id = id, .generation = generation, .capacity = capacity});
  target->threads |= uint64_t{1} << thread;
  hand_out();
}

void Pool::remove_target(TargetId id) {
  std::lock_guard lock(mutex_);
  std::erase_if(targets_, [&](const Target& target) { return target.id == id; });
  refuse_all_if_broken();
}

void Pool::retire_target(TargetId id) {
  std::lock_guard lock(mutex_);
  if (Target* target = find(id)) target->retired = true;
  refuse_all_if_broken();
}

void Pool::suspend_target(TargetId id) {
  std::lock_guard lock(mutex_);
  if (Target* target = find(id)) target->suspended = true;
  refuse_all_if_broken();
}

void Pool::resume_target(TargetId id) {
  std::lock_guard lock(mutex_);
  if (Target* target = find(id)) target->suspended = false;
  hand_out();
}

void Pool::set_shares(const std::vector<Share>& shares) {
  std::lock_guard lock(mutex_);
  turns_.clear();
  for (const Share& share : shares) {
    if (share.percent > 0) turns_.push_back({.share = share});
  }
  refuse_all_if_broken();
  hand_out();
}

bool Pool::has_share(Generation generation) const {
  std::lock_guard lock(mutex_);
  return std::any_of(turns_.begin(), turns_.end(), [generation](const Turn& turn) {
    return turn.share.generation == kAnyGeneration || turn.share.generation == generation;
  });
}

void Pool::set_state(PoolState state, Trouble trouble) {
  std::lock_guard lock(mutex_);
  state_ = state;
  trouble_ = std::move(trouble);
  refuse_all_if_broken();
  hand_out();
}

Trouble Pool::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

void Pool::set_limits(PoolLimits limits) {
  std::lock_guard lock(mutex_);
  limits_ = limits;
}

bool Pool::is_broken() const {
  if (state_ != PoolState::broken) return false;
  return std::none_of(targets_.begin(), targets_.end(), [this](const Target& target) { return serves(target); });
}

bool Pool::serves(const Target& target) const {
  return std::any_of(turns_.begin(), turns_.end(), [&target](const Turn& turn) { return serves(turn, target); });
}

// Smooth weighted round robin among the generations that have room: each is owed its share of this request, and who is
// owed most gets it. A generation without room is owed nothing meanwhile, or it would be flooded when it has some.
Pool::Choice Pool::choose(size_t thread, int64_t now_us) {
  if (state_ == PoolState::paused) return {};
  Turn* next = nullptr;
  Choice chosen;
  int shared = 0;
  for (Turn& turn : turns_) {
    Choice choice = least_busy(turn, thread, now_us);
    if (!choice.target) continue;
    shared += turn.share.percent;
    turn.credit += turn.share.percent;
    if (next && turn.credit <= next->credit) continue;
    next = &turn;
    chosen = choice;
  }
  if (!next) return {};
  next->credit -= shared;
  next->rotation = chosen.index + 1;
  return chosen;
}

Pool::Choice Pool::least_busy(Turn& turn, size_t thread, int64_t now_us) {
  Choice best;
  size_t count = targets_.size();
  for (size_t i = 0; i < count; ++i) {
    size_t index = (turn.rotation + i) % count;
    Target& target = targets_[index];
    if (!serves(turn, target) || !(target.threads >> thread & 1)) continue;
    bool prefetched = target.busy >= target.capacity;
    if (prefetched) {
      bool fast = target.service_us < kFastUs && now_us - target.answered_at_us < kProgressUs;
      if (!fast || target.busy >= target.capacity + kPrefetch) continue;
    }
    // Relative to what it can do at a time, so that a worker with more threads gets more.
    if (!best.target || target.busy * best.target->capacity < best.target->busy * target.capacity) {
      best = {&target, prefetched, index};
    }
  }
  return best;
}

Pool::Grant Pool::acquire(size_t thread, Waiter& waiter, bool again) {
  std::lock_guard lock(mutex_);
  TRIMARAN_ASSERT(waiter.state_ == Waiter::State::idle);
  if (is_broken()) {
    ++totals_.refused_broken;
    return {Outcome::broken};
  }
  if (queue_.empty() || again) {
    if (Choice choice = choose(thread, now_us_()); choice.target) {
      ++choice.target->busy;
      ++totals_.granted;
      return {Outcome::granted, choice.target->id, choice.prefetched};
    }
  }
  if (!again && queue_.size() >= limits_.queue_max) {
    ++totals_.refused_full;
    return {Outcome::full};
  }
  waiter.state_ = Waiter::State::queued;
  waiter.thread_ = thread;
  if (again)
    queue_.push_front(&waiter);
  else
    queue_.push_back(&waiter);
  return {Outcome::queued};
}

void Pool::cancel(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  switch (waiter.state_) {
    case Waiter::State::idle:
      return;
    case Waiter::State::queued:
      std::erase(queue_, &waiter);
      break;
    case Waiter::State::granted:
    case Waiter::State::refused:
      std::erase(deliveries_[waiter.thread_], &waiter);
      break;
  }
  Target* target = waiter.state_ == Waiter::State::granted ? find(waiter.target_) : nullptr;
  waiter.state_ = Waiter::State::idle;
  if (target) --target->busy;
  hand_out();  // also when it only waited: it may have been the first, and in the way of the next
}

void Pool::release(TargetId id, int64_t service_us) {
  std::lock_guard lock(mutex_);
  Target* target = find(id);
  if (!target) return;  // it was removed while this request was under way
  --target->busy;
  int64_t now = now_us_();
  if (service_us >= 0) {
    // What it waited behind the request before it is not this request's own time.
    int64_t own = std::min(service_us, now - target->answered_at_us);
    target->service_us += (own - target->service_us) / 8;
    target->answered_at_us = now;
  }
  if (!queue_.empty()) hand_out(now);
}

void Pool::hand_out() {
  if (!queue_.empty()) hand_out(now_us_());
}

void Pool::hand_out(int64_t now) {
  while (!queue_.empty()) {
    Waiter& waiter = *queue_.front();
    Choice choice = choose(waiter.thread_, now);
    // The first in the queue is never overtaken: a thread that lacks a channel for a moment gets it soon.
    if (!choice.target) return;
    queue_.pop_front();
    ++choice.target->busy;
    ++totals_.granted;
    waiter.state_ = Waiter::State::granted;
    waiter.target_ = choice.target->id;
    waiter.prefetched_ = choice.prefetched;
    deliver_later(waiter.thread_, waiter);
  }
}

void Pool::refuse_all_if_broken() {
  if (!is_broken()) return;
  for (Waiter* waiter : queue_) {
    ++totals_.refused_broken;
    waiter->state_ = Waiter::State::refused;
    deliver_later(waiter->thread_, *waiter);
  }
  queue_.clear();
}

void Pool::deliver_later(size_t thread, Waiter& waiter) {
  auto& box = deliveries_[thread];
  box.push_back(&waiter);
  if (box.size() == 1) loops_[thread]->post([this, thread] { deliver(thread); });
}

void Pool::deliver(size_t thread) {
  for (;;) {
    Waiter* waiter;
    bool granted;
    {
      std::lock_guard lock(mutex_);
      auto& box = deliveries_[thread];
      if (box.empty()) return;
      waiter = box.front();
      box.erase(box.begin());
      granted = waiter->state_ == Waiter::State::granted;
      waiter->state_ = Waiter::State::idle;
    }
    if (granted)
      waiter->on_granted(waiter->target_, waiter->prefetched_);
    else
      waiter->on_refused();
  }
}

Pool::Numbers Pool::numbers() const {
  std::lock_guard lock(mutex_);
  Numbers out = totals_;
  out.state = state_;
  out.queued = queue_.size();
  out.targets = targets_.size();
  for (const Target& target : targets_) {
    if (!serves(target)) continue;
    out.capacity += static_cast<size_t>(target.capacity);
    out.busy += static_cast<size_t>(target.busy);
  }
  return out;
}

}  // namespace trimaran::pool
