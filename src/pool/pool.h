// Who answers? A pool is everything that can answer one site's requests out of process, and the only place that knows
// how busy each target is, who waits, for how long, and who is next. It decides; it does no I/O and never blocks, so
// all front threads share it behind one short lock.
//
// Every target belongs to a *generation*: what a deploy makes. The shares say which part of the requests each
// generation gets; the choice is first the generation, by smooth weighted round robin (of any 100 requests in a row a
// share of 7 gets 7, evenly spread; a random choice would give 2 to 13), then its least busy target. So switch, canary
// and rollback are one set_shares(). A generation that has no room now passes its turn on to the others that have a
// share: a request never waits behind a generation that is stuck, and never goes to one without a share.
//
// A target that is fast (its requests take less than kFastUs) and that answered
// something in the last kProgressUs may be given up to kPrefetch requests beyond its threads: they wait in its socket,
// which saves a wake-up on each side for each request. What waits there behind a request that turns out to be slow is
// taken back through the ledger (WorkerChannel) and comes here again, to the head of the queue.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "os/event_loop.h"

namespace trimaran::pool {

constexpr int kPrefetch = 16;           // requests given to a fast target beyond its threads
constexpr int64_t kFastUs = 1'000;      // a target whose requests take longer gets none in advance
constexpr int64_t kProgressUs = 2'000;  // nor does one that has not answered for so long
constexpr size_t kThreadsMax = 64;      // front threads; one bit each

using TargetId = uint64_t;
using Generation = uint64_t;

class Pool;

// A request that wants a target. Lives in one front thread.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter() = default;  // must not be queued or granted any more: call Pool::cancel() first

  // In the waiter's own thread, from the event loop: it has a target now, and must release() it in the end.
  virtual void on_granted(TargetId target, bool prefetched) = 0;
  // No target will come: the pool is broken.
  virtual void on_refused() = 0;

 private:
  friend class Pool;
  enum class State : uint8_t { idle, queued, granted, refused };
  State state_ = State::idle;
  bool prefetched_ = false;
  size_t thread_ = 0;
  TargetId target_ = 0;
};

struct PoolLimits {
  size_t queue_max = 1024;  // waiting requests; one more is refused with `full`
};

// paused: nothing is granted; requests wait within the limits until another state comes.
enum class PoolState : uint8_t { starting, serving, paused, broken };

// Why a pool is broken: the reason, and what the application wrote last. For the developer, not for visitors.
struct Trouble {
  std::string reason, log;
};

// How many of 100 requests a generation gets.
struct Share {
  Generation generation = 0;
  int percent = 0;
  bool operator==(const Share&) const = default;
};

class Pool {
 public:
  enum class Outcome : uint8_t { granted, queued, full, broken };
  struct Grant {
    Outcome outcome = Outcome::queued;
    TargetId target = 0;
    bool prefetched = false;
  };

  // `loops[i]` is the loop of front thread i, set before that thread's first acquire(); the vector and its loops
  // outlive the pool. `now_us` is the clock that tells fast from slow.
  Pool(const std::vector<EventLoop*>& loops, PoolLimits limits, int64_t (*now_us)() = monotonic_us);

  // `thread` can reach this target now, which runs `capacity` requests at a time.
  void add_target(size_t thread, TargetId target, Generation generation, int capacity);
  // The target is gone, for every thread. Its requests are its channels' business.
  void remove_target(TargetId target);
  // No new request for this target; those it has go on.
  void retire_target(TargetId target);
  // Nobody listens at this target's address for the moment: it gets nothing until it is resumed.
  void suspend_target(TargetId target);
  void resume_target(TargetId target);
  // From now on only these generations get requests. Until the first call every generation does.
  void set_shares(const std::vector<Share>& shares);
  bool has_share(Generation generation) const;
  // Without any target that has a share: `starting` and `serving` let requests wait, `broken` refuses them at once.
  // Both at once: whoever is refused finds out why.
  void set_state(PoolState state, Trouble trouble = {});
  Trouble trouble() const;
  void set_limits(PoolLimits limits);

  // Asks for a target. When queued, on_granted() or on_refused() follows, unless cancel() comes first.
  // `again`: a request that had a target already goes to the head of the queue, whatever the limit.
  Grant acquire(size_t thread, Waiter& waiter, bool again = false);
  // The waiter wants nothing any more; gives back a target that was granted but not yet delivered.
  void cancel(Waiter& waiter);
  // A request on `target` has ended; `service_us` < 0: it tells nothing about the target's speed.
  void release(TargetId target, int64_t service_us);

  struct Numbers {
    size_t targets = 0;             // all of them
    size_t capacity = 0, busy = 0;  // of those that get requests: neither retired nor without a share
    size_t queued = 0;
    uint64_t granted = 0, refused_full = 0, refused_broken = 0;
    PoolState state = PoolState::starting;
  };
  Numbers numbers() const;

 private:
  struct Target {
    TargetId id = 0;
    Generation generation = 0;
    uint64_t threads = 0;  // bit i: front thread i has a channel
    int capacity = 1;
    int busy = 0;
    bool retired = false;
    bool suspended = false;
    int64_t service_us = kFastUs;  // moving average; a new target must first prove to be fast
    int64_t answered_at_us = 0;
  };
  struct Choice {
    Target* target = nullptr;
    bool prefetched = false;
    size_t index = 0;  // of the target
  };

  // A share, or (kAnyGeneration) that of everybody as long as nobody has one.
  struct Turn {
    Share share;
    int credit = 0;       // what it is owed, in percent of a request
    size_t rotation = 0;  // where the search for its least busy target starts, so that ties rotate
  };
  static constexpr Generation kAnyGeneration = UINT64_MAX;

  static bool serves(const Turn& turn, const Target& target) {
    return !target.retired && !target.suspended &&
           (turn.share.generation == kAnyGeneration || turn.share.generation == target.generation);
  }
  bool serves(const Target& target) const;
  Choice choose(size_t thread, int64_t now_us);
  Choice least_busy(Turn& turn, size_t thread, int64_t now_us);
  Target* find(TargetId id);
  bool is_broken() const;  // and nobody is left to answer
  // Grants targets to the waiters that are next.
  void hand_out();
  void hand_out(int64_t now_us);
  void refuse_all_if_broken();
  void deliver_later(size_t thread, Waiter& waiter);
  void deliver(size_t thread);  // in that thread: tells the waiters what they got

  const std::vector<EventLoop*>& loops_;
  int64_t (*const now_us_)();
  mutable std::mutex mutex_;
  PoolLimits limits_;
  PoolState state_ = PoolState::starting;
  Trouble trouble_;
  std::vector<Target> targets_;
  std::deque<Waiter*> queue_;
  std::vector<std::vector<Waiter*>> deliveries_;  // by thread
  std::vector<Turn> turns_{{.share = {kAnyGeneration, 100}}};
  Numbers totals_;
};

}  // namespace trimaran::pool
