#include "supervisor/site.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace trimaran {

namespace {

// The last of `lines` that fit `bytes_max`, as a child may be told them: no NUL (os/message_socket.h).
std::string newest_lines(const std::vector<std::string>& lines, size_t bytes_max) {
  std::string out;
  for (auto line = lines.rbegin(); line != lines.rend() && out.size() + line->size() < bytes_max; ++line) {
    out.insert(0, *line + "\n");
  }
  std::replace(out.begin(), out.end(), '\0', ' ');
  return out;
}

}  // namespace

Site::Site(Fleet& fleet, std::string domain)
    : fleet_(fleet),
      domain_(std::move(domain)),
      warm_until_(fleet.runtime.loop),
      jobs_(
          fleet.runtime, [this] { fleet_.changed(); }, wall_seconds) {}

std::unique_ptr<App> Site::make_app(SiteConfig config, std::string database_url) {
  return std::make_unique<App>(fleet_, Generation{++fleet_.generations, std::move(config), std::move(database_url)});
}

void Site::replace(SiteConfig config, std::string database_url) {
  fail_next("a newer change took its place");
  cool();
  if (current_) finish(current_, current_->site().deploy.drain_ms);
  current_ = make_app(std::move(config), std::move(database_url));
  tell_front();
  fleet_.changed();
}

int Site::begin(SiteConfig config, std::string database_url, GenerationCallbacks callbacks) {
  TRIMARAN_ASSERT(current_);
  fail_next("a newer change took its place");
  next_ = make_app(std::move(config), std::move(database_url));
  callbacks_ = std::move(callbacks);
  told_proven_ = told_complete_ = false;
  fleet_.changed();
  return next_->generation();
}

void Site::start_all() {
  if (!next_) return;
  next_->start_all();
  fleet_.changed();  // with one worker that is all: nothing else will happen
}

void Site::set_canary(int percent) {
  TRIMARAN_ASSERT(next_ && percent >= 1 && percent <= 99);
  canary_ = percent;
  tell_front();
}

void Site::promote(Millis warm_ms) {
  TRIMARAN_ASSERT(next_);
  callbacks_ = {};
  canary_ = 0;
  std::unique_ptr<App> old = std::exchange(current_, std::move(next_));
  tell_front();
  cool_down(std::move(old), warm_ms);
  fleet_.changed();
}

void Site::abandon() {
  if (next_) drop_next();
}

bool Site::roll_back(Millis warm_ms) {
  if (!warm_ || warm_->state() != AppState::serving) return false;
  fail_next("the site was rolled back");
  std::unique_ptr<App> old = std::exchange(current_, std::move(warm_));
  tell_front();
  cool_down(std::move(old), warm_ms);
  fleet_.changed();
  return true;
}

void Site::cool_down(std::unique_ptr<App> app, Millis warm_ms) {
  cool();
  if (warm_ms <= 0 || app->state() != AppState::serving) return finish(app, app->site().deploy.drain_ms);
  warm_ = std::move(app);
  warm_since_ = fleet_.runtime.loop.now();
  warm_until_.set(warm_ms, [this] { cool(); });
}

void Site::cool() {
  warm_until_.cancel();
  if (!warm_) return;
  Millis drain_ms = warm_->site().deploy.drain_ms, waited_ms = fleet_.runtime.loop.now() - warm_since_;
  finish(warm_, std::max(drain_ms - waited_ms, std::min(drain_ms, kDrainLeastMs)));
}

void Site::finish(std::unique_ptr<App>& app, Millis limit_ms) {
  if (!app) return;
  app->drain(limit_ms);
  finishing_.push_back(std::move(app));
  fleet_.changed();
}

bool Site::change(const SiteConfig& config) {
  size_t before = current_ ? current_->workers() : 0;
  if (current_) current_->change(config);
  return current_ && current_->workers() > before;
}

void Site::pause(PausedBy who) {
  paused_ |= static_cast<unsigned>(who);
  tell_front();
  fleet_.changed();
}

void Site::resume(PausedBy who) {
  paused_ &= ~static_cast<unsigned>(who);
  tell_front();
  fleet_.changed();
}

std::string_view Site::state() const {
  if (paused()) return "paused";
  return to_string(current_ ? current_->state() : AppState::starting);
}

std::string Site::reason() const { return current_ ? current_->reason() : ""; }

std::string Site::log() const {
  if (!current_ || !current_->site().app->dev) return "";
  return newest_lines(current_->log(), FrontLine::kLogBytesMax);
}

int Site::share_of(const App& app) const {
  if (&app == next_.get()) return canary_;
  return &app == current_.get() ? 100 - canary_ : 0;
}

std::string Site::shares() const {
  std::string out;
  for (const App* app : {current_.get(), next_.get()}) {
    if (!app || share_of(*app) == 0) continue;
    if (!out.empty()) out += ' ';
    out += std::to_string(app->generation()) + "=" + std::to_string(share_of(*app));
  }
  return out;
}

std::string_view Site::part_of(const App& app) const {
  if (&app == current_.get()) return "current";
  if (&app == next_.get()) return canary_ > 0 ? "canary" : "next";
  return &app == warm_.get() ? "warm" : "finishing";
}

void Site::drain(Millis limit_ms) {
  fail_next("the site ends");
  warm_until_.cancel();
  for (auto* app : {&current_, &warm_}) finish(*app, limit_ms);
  for (auto& app : finishing_) app->drain(limit_ms);
  jobs_.drain(limit_ms);
}

void Site::end(Millis limit_ms) {
  drain(limit_ms);
  for (auto& app : finishing_) app->end(limit_ms);
}

void Site::kill() {
  for (App* app : generations()) app->kill();
  jobs_.kill();
}

bool Site::gone() const { return !current_ && !next_ && !warm_ && finishing_.empty() && jobs_.gone(); }

std::vector<App*> Site::generations() const {
  std::vector<App*> out;
  for (App* app : {current_.get(), next_.get(), warm_.get()}) {
    if (app) out.push_back(app);
  }
  for (const auto& app : finishing_) out.push_back(app.get());
  return out;
}

void Site::front_started() {
  told_state_.clear();
  told_shares_.clear();
  tell_front();
  for (App* app : generations()) app->front_started();
}

void Site::on_hung(const std::string& worker, const std::string& reason) {
  for (App* app : generations()) {
    if (app->on_hung(worker, reason)) return;
  }
}

void Site::on_load(const SiteLoad& load) {
  if (current_ && !paused()) current_->on_load(load);
}

void Site::advance() {
  for (App* app : generations()) app->tidy();
  if (current_ && current_->proven()) current_->start_all();
  advance_next();
  std::erase_if(finishing_, [](const auto& app) { return app->gone(); });
  // What belongs to the release that leads, once that has proved that it can be loaded.
  if (current_ && current_->proven()) jobs_.lead(current_->what());
  jobs_.advance();
  tell_front();
}

void Site::advance_next() {
  if (!next_) return;
  auto failure = next_->failure();
  if (!failure && next_->state() == AppState::broken) failure = GenerationFailure{next_->reason(), {}};
  if (failure) {
    if (auto failed = drop_next()) failed(*failure);
    return;
  }
  // A callback may promote or abandon, which forgets the callbacks: a copy is called.
  if (next_->proven() && !std::exchange(told_proven_, true)) {
    if (auto proven = callbacks_.proven) {
      proven();
    } else {
      next_->start_all();
    }
  }
  if (next_ && next_->complete() && !std::exchange(told_complete_, true)) {
    if (auto complete = callbacks_.complete) {
      complete();
    } else {
      promote(0);
    }
  }
}

Site::OnFailed Site::drop_next() {
  auto failed = std::exchange(callbacks_, {}).failed;
  canary_ = 0;
  if (next_) finish(next_, next_->site().deploy.drain_ms);
  tell_front();
  return failed;
}

// From within a call of somebody else's: that one returns first.
void Site::fail_next(std::string reason) {
  if (!next_) return;
  if (auto failed = drop_next()) {
    GenerationFailure failure{std::move(reason), {}};
    fleet_.runtime.loop.defer([failed, failure] { failed(failure); });
  }
}

void Site::tell_front() {
  // A generation that was never the current one says nothing: the front has pools for sites that serve.
  if (!current_) return;
  std::string state = std::string(this->state()) + " " + reason(), shares = this->shares();
  if (shares != told_shares_) fleet_.front.shares(domain_, shares);
  if (state != told_state_) fleet_.front.app(domain_, this->state(), reason(), log());
  told_shares_ = std::move(shares);
  told_state_ = std::move(state);
}

}  // namespace trimaran
