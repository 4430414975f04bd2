// The generations of an application through an upgrade of the program: what each of Site, App, WorkerSlot and AppWorker
// writes down, and how another program takes it up. In one file, because the two halves of each pair must be read
// together; the classes know nothing else of it.
//
// Not kept: a generation that is still on its way (there is no upgrade then), and what the front was told (it is told
// again).
#include <algorithm>

#include "base/strings.h"
#include "supervisor/site.h"

namespace trimaran {
namespace {

// Alarms travel as times of the one clock, which goes on.
void set_deadline(StateRecord& record, const char* key, const Alarm& alarm) {
  if (alarm.armed()) record.set(key, alarm.deadline());
}

std::optional<Millis> rest_of(const StateRecord& record, const char* key, Millis now) {
  if (record.text(key).empty()) return std::nullopt;
  return std::max<Millis>(0, record.number(key) - now);
}

// The last lines of a worker; none has a newline (LineSplitter).
std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::string_view line : split(text, '\n')) out.emplace_back(line);
  if (!out.empty()) out.pop_back();  // behind the last newline
  return out;
}

bool same_generation(const StateRecord& a, const StateRecord& b) {
  return a.text("site") == b.text("site") && a.text("generation") == b.text("generation");
}

// What kind of program a generation runs is its own: the site file may have changed since it began. Everything else is
// today's setting, which one of its workers gets should it have to be started again.
void save_program(StateRecord& record, const AppConfig& app) {
  record.set("kind", std::string(to_string(app.kind))).set("target", app.target).set("preload", app.preload ? 1 : 0);
}

void adopt_program(const StateRecord& record, AppConfig& app) {
  if (record.text("kind").empty()) return;  // a writer that was older than these fields
  for (AppKind known : {AppKind::wsgi, AppKind::asgi, AppKind::native, AppKind::http, AppKind::php}) {
    if (record.text("kind") == to_string(known)) app.kind = known;
  }
  app.target = record.text("target");
  app.preload = record.number("preload") != 0;
}

// A writer that was older than "job" lost the name to the service's: "process foobar.com/mail", or one such within
// another. No name has a slash.
std::string job_name(const StateRecord& record) {
  if (!record.text("job").empty()) return record.text("job");
  const std::string& name = record.text("name");
  return name.substr(name.rfind('/') + 1);
}

}  // namespace

void AppWorker::save(StateRecord& record) const {
  service_.save(record);
  record.set("number", number_).set("failed", failed_ ? 1 : 0).set("retired", retired_ ? 1 : 0);
  set_deadline(record, "lifetime", lifetime_);
  set_deadline(record, "end", end_);
  if (!upstream_) return;
  upstream_->save(record);
  record.set_fd("lease", lease_.fd()).set_fd("lease_given", lease_.given_fd());
  set_deadline(record, "let_go", let_go_);
}

Status AppWorker::adopt(const StateRecord& record) {
  number_ = record.text("number");
  failed_ = record.number("failed") != 0;
  retired_ = record.number("retired") != 0;
  Millis now = fleet_.runtime.loop.now();
  if (auto rest = rest_of(record, "lifetime", now)) {
    lifetime_.set(*rest, [this] { owner_.on_recycle(*this, "its lifetime is over"); });
  }
  if (auto rest = rest_of(record, "end", now)) end_within(*rest);
  if (Status adopted = service_.adopt(record); !adopted) return adopted;
  if (!upstream_) {
    // One of ours drains from its retirement on. This one was another kind of program, whose lease is lost: an older
    // writer did not say so, and the site file has changed since.
    if (retired_ && service_.serving()) service_.drain(kStopMs);
    return {};
  }
  upstream_->adopt(record);
  lease_ = Lease::adopt(record.take_fd("lease"), record.take_fd("lease_given"));
  if (auto rest = rest_of(record, "let_go", now)) wait_for_lease(*rest);
  if (service_.state() == ServiceState::starting) proof_->ask(*upstream_);
  return {};
}

void WorkerSlot::save(State& state, const StateRecord& common) const {
  auto add = [&](const AppWorker& worker, const char* part) {
    StateRecord& record = state.add(common);
    record.set("slot", name_).set("part", part).set("limit", limit_ms_);
    worker.save(record);
  };
  add(*current_, "current");
  if (successor_) add(*successor_, "successor");
}

Status WorkerSlot::adopt(const StateRecord& record) {
  limit_ms_ = record.number("limit");
  bool is_current = record.text("part") == "current";
  auto& place = is_current ? current_ : successor_;
  place = make_worker();
  return place->adopt(record);
}

void App::save(State& state, std::string_view part) const {
  StateRecord common("worker");
  common.set("site", site().domain).set("generation", generation());
  StateRecord& record = state.add("generation");
  record.set("site", site().domain).set("generation", generation()).set("part", std::string(part));
  save_program(record, *site().app);
  record.set("release", release()).set("started", started_ ? 1 : 0).set("all_started", all_started_ ? 1 : 0);
  record.set("proven", proven_ ? 1 : 0).set("draining", draining_ ? 1 : 0).set("cut_at", cut_at_);
  record.set("state", std::string(to_string(state_))).set("reason", reason_).set("log", joined(log_));
  set_deadline(record, "cut", cut_);
  if (preload_)
    preload_->service().save(state.add("preload").set("site", site().domain).set("generation", generation()));
  for (const auto& slot : slots_) slot->save(state, common);
  for (const auto& worker : retired_) {
    StateRecord& of_worker = state.add(common);
    of_worker.set("part", "retired").set("slot", worker->name());
    worker->save(of_worker);
  }
}

Status App::adopt(const StateRecord& record, const State& state) {
  started_ = record.number("started") != 0;
  all_started_ = record.number("all_started") != 0;
  proven_ = record.number("proven") != 0;
  draining_ = record.number("draining") != 0;
  for (AppState known : {AppState::starting, AppState::serving, AppState::broken}) {
    if (record.text("state") == to_string(known)) state_ = known;
  }
  reason_ = record.text("reason");
  log_ = lines_of(record.text("log"));
  cut_at_ = record.number("cut_at");
  if (auto rest = rest_of(record, "cut", fleet_.runtime.loop.now())) {
    cut_.set(*rest, [this] { fleet_.front.cut(site().domain, generation()); });
  }
  for (const StateRecord* saved : state.all("preload")) {
    if (!preload_ || !same_generation(*saved, record)) continue;
    if (Status adopted = preload_->service().adopt(*saved); !adopted) return adopted;
  }
  slots_.clear();
  for (const StateRecord* worker : state.all("worker")) {
    if (!same_generation(*worker, record)) continue;
    const std::string& name = worker->text("slot");
    if (worker->text("part") == "retired") {
      retired_.push_back(std::make_unique<AppWorker>(fleet_, generation_, *this, name));
      if (Status adopted = retired_.back()->adopt(*worker); !adopted) return adopted;
      continue;
    }
    if (slots_.empty() || slots_.back()->name() != name) {
      slots_.push_back(std::make_unique<WorkerSlot>(fleet_, generation_, *this, name, retired_));
    }
    if (Status adopted = slots_.back()->adopt(*worker); !adopted) return adopted;
  }
  if (started_) watch_memory();
  return {};
}

// Which list a job is in decides little: lead() of the generation that leads sorts them anew.
void Jobs::save(State& state) const {
  auto add = [&](const Job& job, bool leaving) {
    if (job.service().gone()) return;
    StateRecord& record = state.add("job").set("site", job.site().domain).set("release", job.site().release);
    record.set("generation", job.generation()).set("cron", job.kind() == Job::Kind::cron ? 1 : 0);
    record.set("leaving", leaving ? 1 : 0).set("job", job.command().name).set("run", job.command().run);
    job.service().save(record);
  };
  for (const auto& job : processes_) add(*job, false);
  for (const auto& cron : cron_) add(*cron.job, false);
  for (const auto& job : leaving_) add(*job, true);
  for (const Cron& cron : cron_) {
    if (!cron.timer) continue;
    StateRecord& record = state.add("cron-time").set("site", cron.job->site().domain).set("name", cron.config.name);
    record.set("schedule", cron.config.schedule).set("seen", cron.timer->seen());
    if (auto next = cron.timer->next()) record.set("next", *next);
  }
  for (const StateRecord& record : adopted_times_) state.add(record);
}

Status Jobs::adopt(const StateRecord& record, const Generation& generation) {
  auto kind = record.number("cron") != 0 ? Job::Kind::cron : Job::Kind::process;
  auto job = make(kind, {job_name(record), record.text("run")}, generation);
  if (Status adopted = job->service().adopt(record); !adopted) return adopted;
  if (record.number("leaving") != 0) {
    retire(std::move(job), kind == Job::Kind::cron ? generation.site.deploy.drain_ms : 0);
  } else if (kind == Job::Kind::process) {
    processes_.push_back(std::move(job));
  } else {
    cron_.push_back({{job->command().name, "", job->command().run}, std::nullopt, std::move(job)});
  }
  return {};
}

void Site::save(State& state) const {
  StateRecord& record = state.add("site").set("domain", domain_).set("paused", paused_).set("warm_since", warm_since_);
  set_deadline(record, "warm_until", warm_until_);
  for (const App* app : generations()) app->save(state, part_of(*app));
  jobs_.save(state);
}

Status Site::adopt(const StateRecord& record, const State& state, const GenerationOf& generation_of) {
  paused_ = static_cast<unsigned>(record.number("paused"));
  warm_since_ = record.number("warm_since");
  for (const StateRecord* saved : state.all("generation")) {
    if (saved->text("site") != domain_) continue;
    Generation generation = generation_of(*saved);
    adopt_program(*saved, *generation.site.app);
    auto app = std::make_unique<App>(fleet_, std::move(generation));
    if (Status adopted = app->adopt(*saved, state); !adopted) return adopted;
    if (saved->text("part") == "current") {
      current_ = std::move(app);
    } else if (saved->text("part") == "warm") {
      warm_ = std::move(app);
    } else {
      finishing_.push_back(std::move(app));
    }
  }
  for (const StateRecord* job : state.all("job")) {
    if (job->text("site") != domain_) continue;
    if (Status adopted = jobs_.adopt(*job, generation_of(*job)); !adopted) return adopted;
  }
  for (const StateRecord* time : state.all("cron-time")) {
    if (time->text("site") == domain_) jobs_.adopt_time(*time);
  }
  if (auto rest = rest_of(record, "warm_until", fleet_.runtime.loop.now())) {
    warm_until_.set(*rest, [this] { cool(); });
  }
  return {};
}

}  // namespace trimaran
