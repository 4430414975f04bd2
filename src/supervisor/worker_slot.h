// One place in a generation's set of workers. Its worker is replaced before it is retired: the successor must serve
// first. A successor that cannot start is tried again while the old one goes on; when the old one dies, the successor
// has the place, whatever its state.
//
// Rejected: to replace by restarting. A second in which an application has one worker less is a second in which its
// queue grows, and with one worker it is an outage.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/app_worker.h"

namespace trimaran {

class WorkerSlot {
 public:
  // A worker above the soft limit is not replaced before it has served for so long: an application that needs more
  // than its limit from the start would be started for ever.
  static constexpr Millis kSettleMs = 10'000;
  // What a worker above the hard limit still gets for its requests and for its successor's start.
  static constexpr Millis kOverLimitMs = 5'000;
  // What a hung worker gets for its other requests, once its successor serves.
  static constexpr Millis kHungMs = 15'000;

  using Retired = std::vector<std::unique_ptr<AppWorker>>;

  // `retired` takes the workers that only finish what they have.
  WorkerSlot(Fleet& fleet, const Generation& generation, WorkerOwner& owner, std::string name, Retired& retired);

  const std::string& name() const { return name_; }
  const AppWorker& current() const { return *current_; }
  const AppWorker* successor() const { return successor_.get(); }
  bool has(const AppWorker& worker) const { return &worker == current_.get() || &worker == successor_.get(); }
  bool serving() const { return current_->service().serving(); }
  // Neither serves, and one could not start: nothing helps but another application.
  bool failed() const { return current_->failed(); }

  void start() { current_->start(); }
  // The current worker's successor starts; then the current one retires, with `limit_ms` for what it has. While a
  // successor is on its way already, only a shorter limit counts.
  void replace(std::string_view reason, Millis limit_ms);
  void on_hung(std::string_view reason);
  // Once a second.
  void check_memory(uint64_t soft_bytes, uint64_t hard_bytes, Millis drain_ms);
  // Both of its workers retire; the slot is empty and may go.
  void retire(Millis limit_ms);
  void kill();
  void front_started();
  // One of its workers is in another state.
  void on_change(const AppWorker& worker);
  void add_services(std::vector<const Service*>& out) const;

  // Through an upgrade of the program (site_state.cc). adopt() is called for each of the slot's workers.
  void save(State& state, const StateRecord& common) const;
  Status adopt(const StateRecord& record);

 private:
  std::unique_ptr<AppWorker> make_worker();
  void take_over();

  Fleet& fleet_;
  const Generation& generation_;
  WorkerOwner& owner_;
  std::string name_;
  Retired& retired_;
  std::unique_ptr<AppWorker> current_;
  std::unique_ptr<AppWorker> successor_;
  Millis limit_ms_ = 0;  // of the current worker, once its successor serves
};

// A worker that uses more than a quarter beyond its hard limit is killed at once: it grows too fast to wait.
constexpr bool far_above(uint64_t bytes, uint64_t hard_bytes) { return bytes > hard_bytes + hard_bytes / 4; }

}  // namespace trimaran
