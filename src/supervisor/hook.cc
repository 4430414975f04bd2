#include "supervisor/hook.h"

#include <fmt/format.h>

#include "config/units.h"
#include "supervisor/app_user.h"
#include "supervisor/worker_command.h"

namespace trimaran {
namespace {

ServiceSpec spec_of(const Runtime& runtime, const HookCommand& command) {
  return {.name = fmt::format("{} {}", command.name, command.site.domain),
          .kind = "hook",
          .evidence = ServiceSpec::Evidence::exit,
          .start_ms = command.site.deploy.hook_timeout_ms,
          .start_key = "[deploy] hook_timeout is " + format_duration(command.site.deploy.hook_timeout_ms),
          .groups = runtime.groups};
}

}  // namespace

Hook::Hook(const Runtime& runtime, HookCommand command, OnLine on_line, OnEnd on_end)
    : runtime_(runtime),
      command_(std::move(command)),
      on_end_(std::move(on_end)),
      end_(runtime.loop),
      service_(runtime.loop, runtime.log, *this, spec_of(runtime, command_)) {
  service_.listen(std::move(on_line));
}

Result<SpawnOptions> Hook::prepare(Service&) {
  auto environment = site_environment(runtime_, command_.site, command_.database_url);
  if (!environment) return std::unexpected(environment.error());
  auto user = find_app_user(runtime_, command_.site);
  if (!user) return std::unexpected(user.error());
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", command_.command};
  for (const auto& [key, value] : *environment) options.environment.push_back(key + "=" + value);
  options.directory = command_.site.release;
  options.user = user->drop;
  return options;
}

// Its owner deletes us when it hears of the end, and the service is still at work in this moment.
void Hook::on_change(Service& service) {
  if (service.gone()) end_.set(0, [this] { tell_end(); });
}

void Hook::tell_end() {
  const auto& exit = service_.last_exit();
  Status ended;
  if (!exit || exit->signaled || exit->code != 0) {
    const std::string& why = service_.machine().reason();
    ended = make_error(fmt::format("the {} hook ({}) {}", command_.name, command_.command, why));
  }
  auto on_end = std::move(on_end_);
  on_end(ended);  // we may be gone
}

}  // namespace trimaran
