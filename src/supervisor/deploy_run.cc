#include "supervisor/deploy_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/assert.h"

namespace trimaran {
namespace {

const SiteConfig& site_of(const Config& config, const std::string& domain) {
  auto found = std::find_if(config.sites.begin(), config.sites.end(),
                            [&](const SiteConfig& site) { return site.domain == domain; });
  TRIMARAN_ASSERT(found != config.sites.end());
  return *found;
}

std::string name_of(const release::Release& release) {
  return release.id.empty() ? "the site's own folder" : "release " + release.id;
}

}  // namespace

std::string release_id_of(const SiteConfig& site) {
  return site.release.empty() ? "" : site.release.substr(site.release.rfind('/') + 1);
}

DeployRun::DeployRun(const Runtime& runtime, DeployHost& host, Plan plan, DeployListener listener)
    : runtime_(runtime),
      host_(host),
      plan_(std::move(plan)),
      listener_(std::move(listener)),
      old_(site_of(host.config(), plan_.domain)),
      store_(old_.state_dir),
      target_(plan_.target),
      proved_(!plan_.copies),
      later_(runtime.loop),
      background_(runtime.loop) {}

// Runs `blocking` on the thread; then `next`, or the end.
void DeployRun::in_background(std::function<Status(std::stop_token)> blocking, std::function<void()> next) {
  Status started =
      background_.run([this, blocking = std::move(blocking), next = std::move(next)](std::stop_token stop) {
        Status done = blocking(stop);
        return [this, done, next] { done ? next() : fail(done.error().message); };
      });
  if (!started) fail(started.error().message);
}

void DeployRun::start() {
  if (plan_.copies) return copy();
  if (!roll_back_to_warm()) begin();
}

bool DeployRun::roll_back_to_warm() {
  Site* site = host_.site(plan_.domain);
  if (!site || !site->warm() || release_id_of(site->warm()->site()) != target_.id) return false;
  if (!site->roll_back(old_.deploy.warm_ms)) return false;
  step_ = "switching back to " + name_of(target_);
  Status forced = host_.put_in_force(plan_.domain, target_.folder);
  std::string trouble = forced ? "" : "; its configuration is not in force: " + forced.error().message;
  Status started = background_.run([this, trouble](std::stop_token) {
    Status written = store_.set_current(target_.id);
    std::string all = trouble + (written ? "" : "; a restart would serve another: " + written.error().message);
    std::string text = name_of(target_) + " serves, its workers were warm" + all;
    return [this, text, code = all.empty() ? 0 : 1] { wait_for_front([this, text, code] { finish(code, text); }); };
  });
  if (!started) finish(1, name_of(target_) + " serves, but a restart would serve another: " + started.error().message);
  return true;
}

void DeployRun::copy() {
  step_ = "copying " + plan_.source;
  say(step_);
  std::vector<std::string> apart = {host_.config().state_dir, host_.config().run_dir};
  release::TreeJob job;
  if (runtime_.drop) {
    auto owner = host_.owner_of(old_);
    if (!owner) return fail(owner.error().message);
    job.owner = std::move(*owner);
  }
  // The thread has a store of its own and touches nothing of ours.
  Status started = background_.run([this, store = store_, source = plan_.source, apart, job](std::stop_token stop) {
    release::TreeJob own = job;
    own.stop = stop;
    return [this, added = store.add(source, apart, own)] { added ? copied(*added) : fail(added.error().message); };
  });
  if (!started) fail(started.error().message);
}

void DeployRun::copied(release::Added added) {
  target_ = std::move(added.release);
  if (failed_meanwhile()) return;
  for (const std::string& path : added.skipped) say("left out: " + path + " (no file, folder or link)");
  say(fmt::format("release {}: {} files, {} bytes", target_.id, target_.files, target_.bytes));
  prepare();
}

// Before the configuration is looked at: what the hook makes (a built public/, a virtual environment) may be named
// there.
void DeployRun::prepare() {
  run_hook("prepare", old_.deploy.prepare, [this] { begin(); });
}

void DeployRun::begin() {
  step_ = "starting " + name_of(target_);
  auto config = host_.config_with(plan_.domain, target_.folder);
  if (!config) return fail(config.error().message);
  const SiteConfig& site = site_of(*config, plan_.domain);
  Site* running = host_.site(plan_.domain);
  // Only a rollback comes here with that: a release either has what is named, or is refused above.
  if (site.awaits_release) return fail("there was nothing to serve before the first deploy");
  has_app_ = running != nullptr && site.app.has_value();
  if (!has_app_) return before_switch();
  say("starting the first worker");
  // The site is in the middle of its own work when it calls.
  GenerationCallbacks callbacks;
  callbacks.proven = [this] { later_.set(0, [this] { before_switch(); }); };
  callbacks.complete = [this] { later_.set(0, [this] { complete(); }); };
  callbacks.failed = [this](const GenerationFailure& failure) {
    began_ = false;
    later_.set(0, [this, failure] { fail(failure); });
  };
  began_ = true;
  running->begin(site, host_.database_of(site), std::move(callbacks));
}

void DeployRun::before_switch() {
  if (Site* site = site_with_ours()) {
    const std::string& health = site->next()->site().app->health;
    say("the first worker serves" + (health.empty() ? "" : ", " + health + " is good"));
  }
  auto next = [this] {
    if (!has_app_) return complete();
    say("starting the other workers");
    if (Site* site = site_with_ours()) site->start_all();
  };
  plan_.copies ? run_hook("before_switch", old_.deploy.before_switch, next) : next();
}

void DeployRun::complete() {
  if (has_app_) say("all workers serve");
  auto next = [this] {
    proved_ = true;
    if (failed_meanwhile()) return;
    plan_.canary > 0 && has_app_ ? begin_canary() : write_current();
  };
  if (proved_) return next();
  in_background([store = store_, target = target_](std::stop_token) { return store.write_card(target); }, next);
}

void DeployRun::begin_canary() {
  Site* site = site_with_ours();
  if (!site) return fail("its workers are gone");
  site->set_canary(plan_.canary);
  waits_ = true;
  step_ = fmt::format("release {} gets {} % of the requests; trimaran promote or trimaran rollback ends that",
                      target_.id, plan_.canary);
  runtime_.say(plan_.domain + ": " + step_);
  std::exchange(listener_, {}).done({0, step_});
}

void DeployRun::promote(DeployListener listener) {
  TRIMARAN_ASSERT(waits_);
  waits_ = false;
  listener_ = std::move(listener);
  write_current();
}

void DeployRun::abandon() {
  TRIMARAN_ASSERT(waits_);
  waits_ = false;
  finished_ = true;
  if (Site* site = site_with_ours()) site->abandon();
}

// Before the switch: when the disk is full the old release still serves, and a crash now starts a release that has
// proved itself.
void DeployRun::write_current() {
  step_ = "switching to " + name_of(target_);
  in_background([store = store_, id = target_.id](std::stop_token) { return store.set_current(id); },
                [this] { switch_over(); });
}

// The workers first, then the files: a page asks for its files a moment later, not earlier.
void DeployRun::switch_over() {
  Site* site = site_with_ours();
  auto config = host_.config_with(plan_.domain, target_.folder);
  if (has_app_ && !site) config = make_error("its workers are gone");
  if (!config) {
    // The old one serves on: that is what a start shall find.
    return in_background([store = store_, id = release_id_of(old_)](std::stop_token) { return store.set_current(id); },
                         [this, reason = config.error().message] {
                           if (!failed_meanwhile()) fail(reason);
                         });
  }
  if (site) site->promote(old_.deploy.warm_ms);
  began_ = false;
  Status forced = host_.put_in_force(plan_.domain, target_.folder);
  if (!forced) say("the configuration of the new release is not in force: " + forced.error().message);
  wait_for_front([this] { prune(); });
}

// When the command returns, the next request is answered by the new release.
void DeployRun::wait_for_front(std::function<void()> next) {
  applying_ = true;
  host_.when_applied([this, next = std::move(next)] {
    applying_ = false;
    next();
  });
}

void DeployRun::prune() {
  step_ = "removing old releases";
  std::set<std::string> used = {target_.id, release_id_of(old_)};
  if (Site* site = host_.site(plan_.domain)) {
    for (const App* app : site->generations()) used.insert(release_id_of(app->site()));
  }
  // What cannot be removed now is removed by the next deploy; this one is done either way.
  Status started = background_.run([this, store = store_, keep = old_.deploy.keep, used](std::stop_token) {
    auto removed = store.prune(keep, used);
    return [this, removed] {
      if (!removed) say("old releases were not removed: " + removed.error().message);
      finish(0, name_of(target_) + " serves");
    };
  });
  if (!started) finish(0, name_of(target_) + " serves");
}

void DeployRun::stop() {
  later_.cancel();
  hook_.reset();
  background_.end();
  applying_ = false;
  if (finished_) return;
  // Its callbacks are ours, and we are about to go.
  if (Site* site = site_with_ours()) site->abandon();
  finish(1, "trimaran is stopping");
}

void DeployRun::advance() {
  const auto& sites = host_.config().sites;
  bool there = std::any_of(sites.begin(), sites.end(), [&](const SiteConfig& s) { return s.domain == plan_.domain; });
  if (finished_ || there) return;
  if (waits_) finished_ = true;
  fail("a reload has removed the site");
}

void DeployRun::run_hook(const std::string& name, const std::string& command, std::function<void()> next) {
  if (command.empty()) return next();
  step_ = "running " + name + ": " + command;
  say(step_);
  SiteConfig site = old_;
  site.release = target_.folder;
  hook_ = std::make_unique<Hook>(
      runtime_, HookCommand{name, command, site, host_.database_of(site)},
      [this](std::string_view line) {
        if (listener_.say) listener_.say("  " + std::string(line));
      },
      [this, next = std::move(next)](const Status& done) {
        hook_.reset();
        done ? next() : fail(done.error().message);
      });
  hook_->start();
}

void DeployRun::say(std::string_view text) {
  runtime_.say(plan_.domain + ": " + std::string(text));
  if (listener_.say) listener_.say(text);
}

void DeployRun::fail(const GenerationFailure& failure) {
  if (finished_ || applying_) return;
  if (background_.busy()) return void(meanwhile_ = failure);
  later_.cancel();
  hook_.reset();
  if (Site* site = site_with_ours()) site->abandon();
  began_ = false;
  for (const std::string& line : failure.log) {
    if (listener_.say) listener_.say("  " + line);
  }
  // The mistakes in a site file are lines of their own.
  std::string_view separator = failure.reason.contains('\n') ? "\n" : "; ";
  auto end = [this, text = fmt::format("{}{}{}", failure.reason, separator, what_is_still_true())] { finish(1, text); };
  bool remove = plan_.copies && !target_.id.empty() && !std::exchange(waits_, false);
  if (!remove) return end();
  // What cannot be removed now, because a worker of it still ends, is removed by the next deploy.
  Status started = background_.run([store = store_, id = target_.id, end](std::stop_token) {
    (void)store.remove(id);
    return end;
  });
  if (!started) end();
}

// The site, while its next generation is this run's: a reload may have put another in its place.
Site* DeployRun::site_with_ours() {
  Site* site = host_.site(plan_.domain);
  return began_ && site && site->next() && site->next()->release() == target_.folder ? site : nullptr;
}

bool DeployRun::failed_meanwhile() {
  if (!meanwhile_) return false;
  fail(*std::exchange(meanwhile_, std::nullopt));
  return true;
}

std::string DeployRun::what_is_still_true() {
  if (old_.awaits_release) return "the site still waits for its first deploy";
  release::Release old{.id = release_id_of(old_)};
  Site* site = host_.site(plan_.domain);
  bool serves = !old_.app || (site && site->state() != "broken");
  return name_of(old) + (serves ? " still serves" : " is in force, but does not serve either");
}

void DeployRun::finish(int exit_code, std::string text) {
  finished_ = true;
  runtime_.say(plan_.domain + ": " + text);
  if (auto done = std::exchange(listener_, {}).done) done({exit_code, std::move(text)});
}

}  // namespace trimaran
