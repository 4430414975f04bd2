#include "supervisor/app.h"

#include <algorithm>
#include <utility>

namespace trimaran {

std::string_view to_string(AppState state) {
  switch (state) {
    case AppState::starting:
      return "starting";
    case AppState::serving:
      return "serving";
    case AppState::broken:
      return "broken";
  }
  return "";
}

App::App(Fleet& fleet, Generation generation)
    : fleet_(fleet), generation_(std::move(generation)), memory_(fleet.runtime.loop), cut_(fleet.runtime.loop) {
  if (site().app->preload) preload_ = std::make_unique<Preload>(fleet_, generation_);
  for (int i = 0; i < site().app->workers; ++i) add_slot();
}

void App::add_slot() {
  slots_.push_back(
      std::make_unique<WorkerSlot>(fleet_, generation_, *this, std::to_string(slots_.size() + 1), retired_));
}

bool App::complete() const {
  return all_started_ && !slots_.empty() &&
         std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->serving(); });
}

std::optional<GenerationFailure> App::failure() const {
  for (const auto& slot : slots_) {
    const Service& service = slot->current().service();
    if (!slot->failed()) continue;
    auto lines = service.last_lines();
    if (lines.empty() && preload_) lines = preload_->service().last_lines();  // its import may be what failed
    return GenerationFailure{service.machine().reason(), std::move(lines)};
  }
  return std::nullopt;
}

std::vector<const Service*> App::services() const {
  std::vector<const Service*> out;
  if (preload_) out.push_back(&preload_->service());
  for (const auto& slot : slots_) slot->add_services(out);
  for (const auto& worker : retired_) out.push_back(&worker->service());
  return out;
}

void App::start() {
  started_ = true;
  set_state(AppState::starting, "");
  slots_.front()->start();
  watch_memory();
}

void App::start_all() {
  if (std::exchange(all_started_, true)) return;
  for (auto& slot : slots_) slot->start();
}

void App::change(const SiteConfig& site) {
  generation_.site = site;
  const AppConfig& app = *generation_.site.app;
  resize(std::clamp(slots_.size(), static_cast<size_t>(app.workers), static_cast<size_t>(app.workers_max)));
  watch_memory();
}

void App::resize(size_t workers) {
  if (draining_ || workers == slots_.size()) return;
  fleet_.runtime.say("app " + site().domain + " has " + std::to_string(workers) + " workers from now on, instead of " +
                     std::to_string(slots_.size()));
  while (slots_.size() > workers) {
    slots_.back()->retire(site().deploy.drain_ms);
    slots_.pop_back();
  }
  while (slots_.size() < workers) {
    add_slot();
    if (all_started_) slots_.back()->start();
  }
  derive_state();
  fleet_.changed();
}

void App::drain(Millis limit_ms) {
  Millis cut_at = fleet_.runtime.loop.now() + limit_ms;
  if (std::exchange(draining_, true) && cut_at >= cut_at_) return;
  cut_at_ = cut_at;
  memory_.cancel();
  for (auto& slot : std::exchange(slots_, {})) slot->retire(limit_ms + kCutMs);
  for (auto& worker : retired_) worker->retire(limit_ms + kCutMs);
  if (preload_) preload_->end();
  cut_.set(limit_ms, [this] { fleet_.front.cut(site().domain, generation()); });
  fleet_.changed();
}

void App::end(Millis limit_ms) {
  drain(limit_ms);
  cut_.cancel();
  for (auto& worker : retired_) worker->end(limit_ms);
  if (preload_) preload_->service().drain(limit_ms);
}

void App::kill() {
  if (preload_) preload_->service().kill();
  for (auto& slot : slots_) slot->kill();
  for (auto& worker : retired_) worker->service().kill();
}

void App::wait_for(std::string_view what, bool broken) {
  set_state(broken ? AppState::broken : AppState::starting, std::string(what));
}

void App::front_started() {
  for (auto& slot : slots_) slot->front_started();
}

bool App::on_hung(const std::string& worker, const std::string& reason) {
  for (auto& slot : slots_) {
    if (slot->current().number() != worker) continue;
    slot->on_hung(reason);
    return true;
  }
  return std::any_of(retired_.begin(), retired_.end(), [&](const auto& w) { return w->number() == worker; });
}

void App::on_load(const SiteLoad& load) {
  if (!autoscales() || draining_ || !complete()) return;  // a worker that is starting is help on its way
  const AppConfig& app = *site().app;
  Autoscale::Workers workers{.now = slots_.size(),
                             .min = static_cast<size_t>(app.workers),
                             .max = static_cast<size_t>(app.workers_max),
                             .concurrency = static_cast<size_t>(app.concurrency)};
  resize(autoscale_.wanted(fleet_.runtime.loop.now(), workers, load));
}

void App::tidy() {
  std::erase_if(retired_, [](const auto& worker) { return worker->service().gone(); });
}

void App::on_worker_change(AppWorker& worker) {
  if (WorkerSlot* slot = slot_of(worker)) {
    slot->on_change(worker);
    proven_ = proven_ || slot->serving();
  }
  if (!draining_) derive_state();
  fleet_.changed();
}

void App::on_recycle(AppWorker& worker, std::string_view reason) {
  WorkerSlot* slot = slot_of(worker);
  if (slot && &slot->current() == &worker) slot->replace(reason, site().deploy.drain_ms);
}

WorkerSlot* App::slot_of(const AppWorker& worker) {
  auto found = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) { return slot->has(worker); });
  return found == slots_.end() ? nullptr : found->get();
}

void App::watch_memory() {
  const AppConfig& app = *site().app;
  memory_.cancel();
  if (draining_ || (app.memory_soft_bytes == 0 && app.memory_hard_bytes == 0)) return;
  for (auto& slot : slots_) {
    slot->check_memory(app.memory_soft_bytes, app.memory_hard_bytes, site().deploy.drain_ms);
  }
  for (auto& worker : retired_) {
    if (app.memory_hard_bytes > 0 && worker->resident_bytes() > app.memory_hard_bytes) {
      worker->end_within(WorkerSlot::kOverLimitMs);
    }
  }
  memory_.set(kMemoryMs, [this] { watch_memory(); });
}

void App::derive_state() {
  if (!started_) return;
  auto serves = [](const auto& slot) { return slot->serving(); };
  if (std::any_of(slots_.begin(), slots_.end(), serves)) return set_state(AppState::serving, "");
  // A worker that had served and died is no broken application: requests wait for its successor. One that could not
  // start stays the reason while it is tried again, or requests would wait for nothing.
  if (auto failed = failure()) return set_state(AppState::broken, failed->reason, std::move(failed->log));
  set_state(AppState::starting, "");
}

void App::set_state(AppState state, std::string reason, std::vector<std::string> log) {
  // While it is tried again it has no new reason, and its log is that of the last try.
  if (state == state_ && reason == reason_) return;
  state_ = state;
  reason_ = std::move(reason);
  log_ = std::move(log);
  fleet_.changed();
}

bool same_processes(const SiteConfig& a, const SiteConfig& b) {
  if (a.app.has_value() != b.app.has_value()) return false;
  if (!a.app) return true;
  const AppConfig &x = *a.app, &y = *b.app;
  return x.kind == y.kind && x.target == y.target && x.directory == y.directory && x.interpreter == y.interpreter &&
         x.threads == y.threads && x.concurrency == y.concurrency && x.listen_fd == y.listen_fd &&
         x.preload == y.preload && x.dev == y.dev && x.user == y.user && x.log == y.log && x.env_files == y.env_files &&
         x.health == y.health && x.max_requests == y.max_requests && a.release == b.release &&
         a.awaits_release == b.awaits_release && a.database.engine == b.database.engine && a.state_dir == b.state_dir;
}

}  // namespace trimaran
