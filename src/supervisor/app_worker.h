// One process of an application, whatever number of times it is started again: its command, its channels to the front,
// and why it should be replaced. It does not decide that; its slot does (worker_slot.h).
#pragma once

#include <memory>
#include <string>

#include "supervisor/fleet.h"
#include "supervisor/lease.h"
#include "supervisor/preload.h"
#include "supervisor/proof.h"
#include "supervisor/service.h"

namespace trimaran {

class AppWorker;

class WorkerOwner {
 public:
  virtual ~WorkerOwner() = default;
  virtual void on_worker_change(AppWorker& worker) = 0;
  // It asks for a successor: requests served, its lifetime, or a reason of its own.
  virtual void on_recycle(AppWorker& worker, std::string_view reason) = 0;
  // What forks the workers; nullptr: each of them is a program of its own.
  virtual Preload* preload() { return nullptr; }
};

class AppWorker final : public ServiceOwner {
 public:
  // `name` is the slot's number in the generation. Everything given outlives the worker.
  AppWorker(Fleet& fleet, const Generation& generation, WorkerOwner& owner, const std::string& name);

  Service& service() { return service_; }
  const Service& service() const { return service_; }
  const std::string& name() const { return name_; }  // its slot's
  const std::string& number() const { return number_; }
  bool failed() const { return failed_; }  // its last start ended before it was ready
  bool retired() const { return retired_; }

  void start() { service_.start(); }
  void connect();
  // No new requests; those it has may take `limit_ms`. One that does not serve ends at once.
  void retire(Millis limit_ms);
  // Of one that was retired, when no front is left that could send or ask anything: it hears of its end now, and is
  // killed at the limit.
  void end(Millis limit_ms);
  // Killed then, unless it has ended before.
  void end_within(Millis limit_ms);
  // Every thread says in the log where it is.
  void show_traceback();
  // Resident memory; 0 while there is no process.
  uint64_t resident_bytes() const;

  // Through an upgrade of the program (site_state.cc).
  void save(StateRecord& record) const;
  Status adopt(const StateRecord& record);

 private:
  // What a program that has been told to end gets for its end.
  static constexpr Millis kStopMs = 10'000;
  // From the traceback of one that does not get ready to its end; a quarter of its start at most.
  static constexpr Millis kLastWordsMs = 500;

  Result<SpawnOptions> prepare(Service&) override;
  Result<Process> launch(Service&, const SpawnOptions& options) override;
  void on_started(Service&) override;
  void on_message(Service&, Message message) override;
  void on_change(Service&) override;
  Status connect_upstream();
  void on_forked(std::string_view pid);
  void wait_for_lease(Millis limit_ms);
  void let_go();
  void drop_lease();
  void ended();

  Fleet& fleet_;
  const Generation& generation_;
  WorkerOwner& owner_;
  std::string name_;
  std::string number_;
  bool failed_ = false;
  bool retired_ = false;
  std::unique_ptr<Upstream> upstream_;  // of a program that listens by itself; nullptr for one of our workers
  std::unique_ptr<Proof> proof_;        // likewise
  Lease lease_;                         // every front has it as long as it may send this program anything
  ReadWatch lease_watch_;
  Alarm let_go_;
  Alarm slow_start_;
  Alarm lifetime_;
  Alarm end_;
  Service service_;
};

// `value` (not negative) or up to a tenth less, by `number`: workers that started together must not all end together.
int64_t with_jitter(int64_t value, uint64_t number);

}  // namespace trimaran
