// What a site runs besides its workers: the [[process]] programs and [[cron]] jobs of the generation that leads. Each
// runs once, never in two generations at a time: at a switch the old programs end before the new ones start. A cron job
// under way is not a reason to wait, and no reason to cut it short: it may finish, and its successor's times are left
// out until it has. What a generation that leads already still wants is left alone, running as it is. The next time
// of a cron job is its schedule's, not the generation's: one that comes in the moment of a switch is not lost.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/cron_timer.h"
#include "supervisor/job.h"

namespace trimaran {

class Jobs {
 public:
  // What a program gets from SIGTERM to its end, while nothing of its kind runs. Longer than systemd's and docker's
  // defaults (90 s, 10 s) would say for it: a consumer of a queue finishes one item.
  static constexpr Millis kDrainMs = 30'000;

  using WallClock = std::function<std::time_t()>;

  // `changed`: something happened, advance() is wanted after this round.
  Jobs(const Runtime& runtime, std::function<void()> changed, WallClock wall);

  // This generation leads, with these settings. Cheap when nothing is different from the last call.
  void lead(const Generation& generation);
  // Everything ends, until a generation leads again.
  void drain(Millis limit_ms);
  void kill();
  // None of the processes waits for its next start.
  bool serving() const;
  bool gone() const { return processes_.empty() && cron_.empty() && leaving_.empty(); }
  // Starts the cron jobs whose time has come. Its own alarm calls it, at least once a minute.
  void look();
  // Forgets what has ended, and starts what waited for it.
  void advance();
  std::vector<const Service*> services() const;

  // Through an upgrade of the program (site_state.cc). After adopt() a generation has to lead again.
  void save(State& state) const;
  Status adopt(const StateRecord& record, const Generation& generation);
  void adopt_time(const StateRecord& record) { adopted_times_.push_back(record); }

 private:
  struct Cron {
    CronConfig config;
    std::optional<CronTimer> timer;  // none: adopted, and no generation has led since
    std::unique_ptr<Job> job;
    bool told_skip = false;
  };

  void replace_processes(const Generation& generation);
  void replace_cron(const Generation& generation);
  CronTimer timer_of(const CronConfig& config, const std::vector<Cron>& old) const;
  std::unique_ptr<Job> make(Job::Kind kind, ProcessConfig command, const Generation& generation);
  void retire(std::unique_ptr<Job> job, Millis limit_ms);
  void run(Cron& cron);

  const Runtime& runtime_;
  std::function<void()> changed_;
  WallClock wall_;
  int leader_ = 0;                     // its number; 0: none
  std::vector<ProcessConfig> tables_;  // of the site file, as they were taken last
  std::vector<CronConfig> cron_tables_;
  std::vector<std::unique_ptr<Job>> processes_;
  std::vector<Cron> cron_;
  std::vector<StateRecord> adopted_times_;  // of cron jobs, until a generation leads
  std::vector<std::unique_ptr<Job>> leaving_;
  Alarm look_;
};

}  // namespace trimaran
