#include "supervisor/database_restart.h"

#include <utility>

#include "base/assert.h"

namespace trimaran {

void DatabaseRestart::begin(RestartableServer& server, std::set<std::string> busy, Done done) {
  TRIMARAN_ASSERT(!running());
  step_ = Step::quieting;
  server_ = &server;
  busy_ = std::move(busy);
  done_ = std::move(done);
  hooks_.pause(true);
  if (busy_.empty()) return restart();
  due_.set(limits_.quiet_ms, [this] { restart(); });
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
  old_pid_ = server_->pid();
  due_.set(limits_.serve_ms, [this] { give_up("mariadbd does not serve again yet; it is tried on"); });
  server_->restart();
}

void DatabaseRestart::advance() {
  if (step_ != Step::restarting) return;
  if (server_->serving() && server_->pid() != old_pid_) {
    finish({0, "mariadbd was restarted (pid " + std::to_string(server_->pid()) + ")", true});
  } else if (!server_->reason().empty()) {
    give_up("mariadbd does not start: " + server_->reason() + "; it is tried again");
  }
}

void DatabaseRestart::give_up(const std::string& why) {
  if (running()) finish({1, why, true});
}

void DatabaseRestart::finish(const ReloadOutcome& outcome) {
  ask_.cancel();
  due_.cancel();
  step_ = Step::none;
  server_ = nullptr;
  hooks_.pause(false);
  std::exchange(done_, nullptr)(outcome);
}

}  // namespace trimaran
