// Supervisor, stop: each part ends only when nobody before it needs it any more. Requests need workers, workers need
// the database; so front first, database last.
#include <unistd.h>

#include <algorithm>

#include "supervisor/supervisor.h"

namespace trimaran {

Millis Supervisor::workers_stop_ms(Millis waited_ms) {
  return std::clamp(kStopMs - waited_ms, kCleanUpLeastMs, kCleanUpMs);
}

void Supervisor::stop() {
  if (std::exchange(stopping_, true)) return hurry();
  stop_began_ = runtime_.loop.now();
  runtime_.say("stopping");
  notifier_.send("STOPPING=1\nSTATUS=stopping");
  answer_reload({1, "trimaran is stopping", true});
  applied_waiters_.clear();
  deployer_.stop();
  if (upgrading()) end_upgrade({1, "trimaran is stopping"});
  database_restart_.give_up("trimaran is stopping");
  advance_stop();
}

void Supervisor::advance_stop() {
  front_.drain();
  if (!front_.gone()) return;
  nameserver_.drain();
  if (!nameserver_.gone()) return;

  Millis now = runtime_.loop.now();
  if (workers_end_at_ == 0) workers_end_at_ = now + workers_stop_ms(now - stop_began_);
  for (auto& [domain, site] : sites_) {
    site.end(std::max<Millis>(0, workers_end_at_ - now));
    site.advance();
  }
  std::erase_if(sites_, [](const auto& entry) { return entry.second.gone(); });
  if (!sites_.empty()) return;
  if (database_) {
    database_->drain();
    if (!database_->gone()) return;
  }
  finish_stop();
}

void Supervisor::hurry() {
  runtime_.say("stopping at once: requests under way are cut");
  for (NetworkRole* role : {&front_, &nameserver_}) {
    role->drain();
    role->kill();
  }
  for (auto& [domain, site] : sites_) {
    site.drain(0);
    site.kill();
  }
  // The database keeps its time: an acknowledged write is kept.
  if (database_) database_->drain();
}

void Supervisor::finish_stop() {
  if (std::exchange(stopped_, true)) return;
  runtime_.say("stopped");
  database_.reset();
  groups_.clear();
  lock_.release();
  if (on_stopped_) on_stopped_();
}

}  // namespace trimaran
