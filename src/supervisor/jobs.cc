#include "supervisor/jobs.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "supervisor/app_user.h"
#include "supervisor/procfile.h"

namespace trimaran {
namespace {

CronSchedule schedule_of(const CronConfig& config) {
  std::string why;
  auto schedule = parse_cron_schedule(config.schedule, why);
  TRIMARAN_ASSERT(schedule);  // the site file was checked
  return *schedule;
}

// The one of `jobs` that runs for this generation what it wants; null when there is none.
std::unique_ptr<Job> take(std::vector<std::unique_ptr<Job>>& jobs, int generation, const ProcessConfig& wanted) {
  auto same = std::find_if(jobs.begin(), jobs.end(), [&](const auto& job) {
    return job && job->generation() == generation && job->command() == wanted && !job->service().gone();
  });
  return same == jobs.end() ? nullptr : std::move(*same);
}

}  // namespace

Jobs::Jobs(const Runtime& runtime, std::function<void()> changed, WallClock wall)
    : runtime_(runtime), changed_(std::move(changed)), wall_(std::move(wall)), look_(runtime.loop) {}

void Jobs::lead(const Generation& generation) {
  bool same =
      generation.number == leader_ && generation.site.processes == tables_ && generation.site.cron == cron_tables_;
  if (same) return;
  replace_processes(generation);
  replace_cron(generation);
  leader_ = generation.number;
  tables_ = generation.site.processes;
  cron_tables_ = generation.site.cron;
  advance();
}

void Jobs::replace_processes(const Generation& generation) {
  auto user = find_app_user(runtime_, generation.site);
  auto procfile = user ? read_procfile(generation.site.app->directory, user->drop) : std::unexpected(user.error());
  if (!procfile) runtime_.say(procfile.error().message);
  auto old = std::exchange(processes_, {});
  for (ProcessConfig& wanted :
       all_processes(generation.site.processes, procfile.value_or(std::vector<ProcessConfig>{}))) {
    auto job = take(old, generation.number, wanted);
    processes_.push_back(job ? std::move(job) : make(Job::Kind::process, std::move(wanted), generation));
  }
  for (auto& job : old) {
    if (job) retire(std::move(job), 0);
  }
}

void Jobs::replace_cron(const Generation& generation) {
  std::vector<Cron> old_cron = std::exchange(cron_, {});
  std::vector<std::unique_ptr<Job>> old;
  for (Cron& cron : old_cron) old.push_back(std::move(cron.job));
  for (const CronConfig& config : generation.site.cron) {
    ProcessConfig wanted{config.name, config.run};
    auto job = take(old, generation.number, wanted);
    if (!job) job = make(Job::Kind::cron, std::move(wanted), generation);
    cron_.push_back({config, timer_of(config, old_cron), std::move(job)});
  }
  adopted_times_.clear();
  for (auto& job : old) {
    if (job) retire(std::move(job), generation.site.deploy.drain_ms);
  }
  look();
}

// Of a job that stays, or came through an upgrade, with the time that it waits for.
CronTimer Jobs::timer_of(const CronConfig& config, const std::vector<Cron>& old) const {
  for (const Cron& cron : old) {
    if (cron.timer && cron.config.name == config.name && cron.config.schedule == config.schedule) return *cron.timer;
  }
  CronSchedule schedule = schedule_of(config);
  for (const StateRecord& record : adopted_times_) {
    if (record.text("name") != config.name || record.text("schedule") != config.schedule) continue;
    std::optional<std::time_t> next;
    if (!record.text("next").empty()) next = record.number("next");
    return CronTimer(schedule, record.number("seen"), next);
  }
  return CronTimer(schedule, wall_());
}

std::unique_ptr<Job> Jobs::make(Job::Kind kind, ProcessConfig command, const Generation& generation) {
  return std::make_unique<Job>(runtime_, kind, std::move(command), generation, [this] { changed_(); });
}

// `limit_ms` until it is told to end.
void Jobs::retire(std::unique_ptr<Job> job, Millis limit_ms) {
  job->end_after(limit_ms, kDrainMs);
  if (!job->service().gone()) leaving_.push_back(std::move(job));
}

void Jobs::drain(Millis limit_ms) {
  leader_ = 0;
  for (auto& job : std::exchange(processes_, {})) leaving_.push_back(std::move(job));
  for (auto& cron : std::exchange(cron_, {})) leaving_.push_back(std::move(cron.job));
  for (auto& job : leaving_) job->end_after(0, std::min(limit_ms, kDrainMs));
}

void Jobs::kill() {
  for (auto& job : processes_) job->service().kill();
  for (auto& cron : cron_) cron.job->service().kill();
  for (auto& job : leaving_) job->service().kill();
}

bool Jobs::serving() const {
  return std::none_of(processes_.begin(), processes_.end(),
                      [](const auto& job) { return job->service().state() == ServiceState::back_off; });
}

void Jobs::advance() {
  std::erase_if(leaving_, [](const auto& job) { return job->service().gone(); });
  bool waits =
      std::any_of(leaving_.begin(), leaving_.end(), [](const auto& job) { return job->kind() == Job::Kind::process; });
  if (waits) return;
  for (auto& job : processes_) {
    if (job->service().gone()) job->service().start();  // it was never started: afterwards it comes back by itself
  }
}

std::vector<const Service*> Jobs::services() const {
  std::vector<const Service*> out;
  for (const auto& job : processes_) out.push_back(&job->service());
  for (const auto& cron : cron_) out.push_back(&cron.job->service());
  for (const auto& job : leaving_) out.push_back(&job->service());
  return out;
}

void Jobs::look() {
  std::time_t now = wall_(), wait = CronTimer::kLookSeconds;
  for (Cron& cron : cron_) {
    if (!cron.timer) continue;
    if (cron.timer->due(now)) run(cron);
    wait = std::min(wait, cron.timer->wait(now));
  }
  if (cron_.empty()) return look_.cancel();
  look_.set(wait * 1000, [this] { look(); });
}

void Jobs::run(Cron& cron) {
  Service& service = cron.job->service();
  bool runs = !service.gone() || std::any_of(leaving_.begin(), leaving_.end(), [&](const auto& job) {
    return job->service().name() == service.name() && !job->service().gone();
  });
  if (!runs) {
    cron.told_skip = false;
    return service.start();
  }
  if (!std::exchange(cron.told_skip, true)) {
    runtime_.say(service.name() + " still runs: its times are left out until it has ended");
  }
}

}  // namespace trimaran
