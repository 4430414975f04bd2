// One [[process]], or one [[cron]] job: a command of a release, in its folder, with its environment, as its user.
#pragma once

#include <functional>
#include <string>

#include "supervisor/fleet.h"
#include "supervisor/service.h"

namespace trimaran {

class Job final : public ServiceOwner {
 public:
  enum class Kind { process, cron };
  static constexpr Millis kCronMs =
      7 * 86'400'000ll;  // a job that runs for a week is killed: its next times wait for it

  // `changed` is called from inside the service's callbacks.
  Job(const Runtime& runtime, Kind kind, ProcessConfig command, const Generation& generation,
      std::function<void()> changed);

  Kind kind() const { return kind_; }
  const ProcessConfig& command() const { return command_; }
  int generation() const { return generation_.number; }
  const SiteConfig& site() const { return generation_.site; }
  Service& service() { return service_; }
  const Service& service() const { return service_; }
  // Told to end after `wait_ms`, and killed `limit_ms` later. A sooner end counts.
  void end_after(Millis wait_ms, Millis limit_ms);

 private:
  Result<SpawnOptions> prepare(Service&) override;
  void on_change(Service&) override;

  const Runtime& runtime_;
  Kind kind_;
  ProcessConfig command_;
  Generation generation_;
  std::function<void()> changed_;
  Alarm end_;
  Service service_;
};

}  // namespace trimaran
