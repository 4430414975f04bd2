#include "supervisor/proof.h"

#include <utility>

namespace trimaran {

Proof::Proof(const Runtime& runtime, const SiteConfig& site, const std::string& name, Answers answers)
    : runtime_(runtime), site_(site), answers_(std::move(answers)) {
  ServiceSpec spec{.name = name,
                   .kind = "probe",
                   .evidence = ServiceSpec::Evidence::exit,
                   .start_ms = site.app->start_timeout_ms,
                   .log_if_failed = true};
  service_ = std::make_unique<Service>(runtime.loop, runtime.log, *this, std::move(spec));
}

void Proof::ask(const Upstream& upstream) {
  upstream_ = &upstream;
  service_->start();
}

void Proof::forget() {
  upstream_ = nullptr;
  service_->kill();
}

Result<SpawnOptions> Proof::prepare(Service&) {
  if (!upstream_) return make_error("nothing is to be proved");
  SpawnOptions options;
  options.argv = {runtime_.executable,
                  "probe",
                  upstream_->protocol(),
                  upstream_->address(),
                  std::to_string(site_.app->start_timeout_ms * kShare / 100),
                  site_.domain,
                  site_.app->health,
                  upstream_->root()};
  options.user = runtime_.drop;
  return options;
}

void Proof::on_change(Service& service) {
  if (!service.gone() || !std::exchange(upstream_, nullptr)) return;
  const auto& exit = service.last_exit();
  if (exit && !exit->signaled && exit->code == 0) return answers_.serves();
  auto lines = service.last_lines();
  answers_.fails(lines.empty() ? service.machine().reason() : lines.back());
}

}  // namespace trimaran
