#include "supervisor/job.h"

#include "supervisor/log_files.h"
#include "supervisor/shell_command.h"
#include "supervisor/worker_command.h"

namespace trimaran {
namespace {

ServiceSpec spec_of(const Runtime& runtime, Job::Kind kind, const std::string& name, const SiteConfig& site) {
  const std::string id = site.domain + "/" + name;
  LogSink* output = output_of(runtime, site);
  if (kind == Job::Kind::process) {
    return {.name = "process " + id,
            .kind = "process",
            .evidence = ServiceSpec::Evidence::running,
            .output = output,
            .groups = runtime.groups};
  }
  return {.name = "cron " + id,
          .kind = "cron",
          .evidence = ServiceSpec::Evidence::exit,
          .start_ms = Job::kCronMs,
          .output = output,
          .groups = runtime.groups};
}

}  // namespace

Job::Job(const Runtime& runtime, Kind kind, ProcessConfig command, const Generation& generation,
         std::function<void()> changed)
    : runtime_(runtime),
      kind_(kind),
      command_(std::move(command)),
      generation_(generation),
      changed_(std::move(changed)),
      end_(runtime.loop),
      service_(runtime.loop, runtime.log, *this, spec_of(runtime, kind, command_.name, generation.site)) {}

Result<SpawnOptions> Job::prepare(Service&) {
  return site_command(runtime_, site(), generation_.database_url, shell_command(command_.run));
}

void Job::end_after(Millis wait_ms, Millis limit_ms) {
  bool idle = service_.state() == ServiceState::stopped || service_.state() == ServiceState::back_off;
  if (wait_ms <= 0 || idle) return service_.drain(limit_ms);
  end_.set(wait_ms, [this, limit_ms] { service_.drain(limit_ms); });
}

void Job::on_change(Service& service) {
  // A process that ends is the service's own story; a cron job that does well is nobody's.
  if (kind_ == Kind::cron && service.gone() && !service.ended_well()) {
    const auto& exit = service.last_exit();
    runtime_.say(service.name() + " " + (exit ? exit->to_string() : service.machine().reason()));
  }
  changed_();
}

}  // namespace trimaran
