#include "supervisor/database_restart.h"

#include <utility>

#include "base/assert.h"

namespace trimaran {

void DatabaseRestart::begin(Database& database, std::set<std::string> busy, Done done) {
  TRIMARAN_ASSERT(!running());
  step_ = Step::quieting;
  database_ = &database;
  busy_ = std::move(busy);
  done_ = std::move(done);
  hooks_.pause(true);
  due_.set(kQuietMs, [this] { restart(); });
  ask();
}

void DatabaseRestart::ask() {
  hooks_.ask_load();
  ask_.set(kAskMs, [this] { ask(); });
}

void DatabaseRestart::on_load(const std::string& site, const SiteLoad& load) {
  if (step_ != Step::quieting || load.busy > 0) return;
  busy_.erase(site);
  if (busy_.empty()) restart();
}

void DatabaseRestart::restart() {
  ask_.cancel();
  step_ = Step::restarting;
  old_pid_ = database_->service().pid();
  due_.set(kServeMs, [this] { give_up("mariadbd does not serve again yet; it is tried on"); });
  database_->restart();
}

void DatabaseRestart::advance() {
  if (step_ != Step::restarting) return;
  const Service& server = database_->service();
  if (server.serving() && server.pid() != old_pid_) {
    finish({0, "mariadbd was restarted (pid " + std::to_string(server.pid()) + ")", true});
  } else if (!database_->reason().empty()) {
    give_up("mariadbd does not start: " + database_->reason() + "; it is tried again");
  }
}

void DatabaseRestart::give_up(const std::string& why) {
  if (running()) finish({1, why, true});
}

void DatabaseRestart::finish(const ReloadOutcome& outcome) {
  ask_.cancel();
  due_.cancel();
  step_ = Step::none;
  database_ = nullptr;
  hooks_.pause(false);
  std::exchange(done_, nullptr)(outcome);
}

}  // namespace trimaran
