// One generation of a site's application: its set of workers. The first one proves that the application can be loaded;
// only then are the others started, so that a broken one fails once and not N times. Afterwards each worker lives, is
// restarted and is replaced by itself (worker_slot.h); their number follows the load when the site file lets it.
//
// What part of the requests a generation gets is its site's business (site.h).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/autoscale.h"
#include "supervisor/fleet.h"
#include "supervisor/preload.h"
#include "supervisor/worker_slot.h"

namespace trimaran {

enum class AppState { starting, serving, broken };
std::string_view to_string(AppState state);

// Why a generation was thrown away.
struct GenerationFailure {
  std::string reason;            // one line
  std::vector<std::string> log;  // the last lines of the worker that failed, at most LogPump::kLastLinesMax
};

class App final : public WorkerOwner {
 public:
  static constexpr Millis kMemoryMs = 1'000;  // between two looks at the workers' memory
  // After the drain limit the front ends the tunnels: it tells them one after the other and gives each client
  // 5 s to say goodbye (front/tunnel.h). What the application does about their ends has the rest.
  static constexpr Millis kCutMs = 15'000;

  App(Fleet& fleet, Generation generation);

  int generation() const { return generation_.number; }
  const Generation& what() const { return generation_; }
  const SiteConfig& site() const { return generation_.site; }
  const std::string& release() const { return generation_.site.release; }
  AppState state() const { return state_; }
  const std::string& reason() const { return reason_; }  // of broken, and of starting when it waits for something
  const std::vector<std::string>& log() const { return log_; }  // of broken: GenerationFailure::log
  bool started() const { return started_; }
  bool proven() const { return proven_; }  // a worker has served
  // All its workers serve: this generation can take over from another.
  bool complete() const;
  bool draining() const { return draining_; }
  bool gone() const { return draining_ && retired_.empty() && (!preload_ || preload_->service().gone()); }
  // A worker could not start.
  std::optional<GenerationFailure> failure() const;
  size_t workers() const { return slots_.size(); }
  std::vector<const Service*> services() const;

  void start();      // one worker
  void start_all();  // the others; once proven
  // The same processes with other settings (same_processes()).
  void change(const SiteConfig& site);
  // What it has may take `limit_ms`; a second call with a shorter limit counts.
  void drain(Millis limit_ms);
  // The same when no front is left: nothing is cut, nothing waited for but their own end. Killed at the limit.
  void end(Millis limit_ms);
  void kill();
  // Something it needs is not there (yet): that is its state until start().
  void wait_for(std::string_view what, bool broken);
  // The front is a new process: it gets a channel to every worker that takes requests.
  void front_started();
  // False: the worker is none of ours.
  bool on_hung(const std::string& worker, const std::string& reason);
  bool autoscales() const { return site().app->workers_max > site().app->workers; }
  void on_load(const SiteLoad& load);
  // Forgets the workers that have ended.
  void tidy();

  // Through an upgrade of the program (site_state.cc). adopt() is for one that was never started.
  void save(State& state, std::string_view part) const;
  Status adopt(const StateRecord& record, const State& state);

 private:
  void on_worker_change(AppWorker& worker) override;
  void on_recycle(AppWorker& worker, std::string_view reason) override;
  Preload* preload() override { return preload_.get(); }
  WorkerSlot* slot_of(const AppWorker& worker);
  void add_slot();
  void resize(size_t workers);
  void watch_memory();
  void derive_state();
  void set_state(AppState state, std::string reason, std::vector<std::string> log = {});

  Fleet& fleet_;
  Generation generation_;
  bool started_ = false;
  bool all_started_ = false;
  bool proven_ = false;
  bool draining_ = false;
  AppState state_ = AppState::starting;
  std::string reason_;
  std::vector<std::string> log_;
  Autoscale autoscale_;
  Alarm memory_;
  Alarm cut_;
  Millis cut_at_ = 0;
  std::unique_ptr<Preload> preload_;  // before the workers, which ask it; nullptr unless [app] preload
  WorkerSlot::Retired retired_;
  std::vector<std::unique_ptr<WorkerSlot>> slots_;
};

// Whether processes made for `a` may go on under `b`.
bool same_processes(const SiteConfig& a, const SiteConfig& b);

}  // namespace trimaran
