#include "supervisor/preload.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/units.h"
#include "role/role.h"
#include "supervisor/log_files.h"
#include "supervisor/worker_command.h"

namespace trimaran {
namespace {

ServiceSpec spec_of(const Runtime& runtime, const Generation& generation) {
  return {.name = "app " + generation.site.domain + "/preload",
          .kind = "preload",
          .start_ms = generation.site.app->start_timeout_ms,
          .start_key = "[app] start_timeout is " + format_duration(generation.site.app->start_timeout_ms),
          .output = output_of(runtime, generation.site),
          .groups = runtime.groups};
}

// What tells one worker from another; the rest of the environment is that of the import.
constexpr std::string_view kOwn[] = {"TRIMARAN_WORKER", "TRIMARAN_RECYCLE"};

Result<Message> fork_message(const SpawnOptions& worker) {
  Message message{"fork", {}, {}};
  for (const std::string& entry : worker.environment) {
    size_t equals = entry.find('=');
    std::string name = entry.substr(0, equals);
    bool own = std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn);
    if (own) message.fields[name] = entry.substr(equals + 1);
  }
  for (int wanted : {kRoleLinkFd, STDERR_FILENO}) {
    for (const auto& [target, source] : worker.descriptors) {
      if (target != wanted) continue;
      Fd copy(::fcntl(source, F_DUPFD_CLOEXEC, 3));
      if (!copy) return errno_error("cannot hand over a descriptor");
      message.fds.push_back(std::move(copy));
    }
  }
  return message;
}

}  // namespace

Preload::Preload(Fleet& fleet, const Generation& generation)
    : fleet_(fleet),
      generation_(generation),
      service_(fleet.runtime.loop, fleet.runtime.log, *this, spec_of(fleet.runtime, generation)) {}

Result<SpawnOptions> Preload::prepare(Service&) {
  if (Status adopts = adopt_orphans(); !adopts) return std::unexpected(adopts.error());
  auto options =
      worker_command(fleet_.runtime, generation_.site, {.number = "0", .database_url = generation_.database_url});
  if (options) options->environment.emplace_back("TRIMARAN_PRELOAD=1");
  return options;
}

Status Preload::fork(const SpawnOptions& worker) {
  auto message = fork_message(worker);
  if (!message) return std::unexpected(message.error());
  waiting_.push_back(std::move(*message));
  if (service_.gone()) service_.start();
  answer_waiting();
  return {};
}

void Preload::end() {
  bool imported = service_.serving();
  service_.drain();
  if (!imported) service_.kill();  // it would hear of its end after the import
  waiting_.clear();
}

void Preload::on_change(Service&) {
  answer_waiting();
  fleet_.changed();
}

void Preload::answer_waiting() {
  bool failed = service_.state() == ServiceState::back_off && service_.machine().failed_to_start();
  if (!service_.serving() && !failed) return;
  for (Message& message : std::exchange(waiting_, {})) {
    if (failed) {
      // In the worker's own name; if nobody hears it, nobody waits for it.
      (void)MessageSocket(std::move(message.fds.front()))
          .send({"failed", {{"reason", service_.machine().reason()}}, {}});
    } else if (!service_.send(message)) {
      waiting_.push_back(std::move(message));  // it has just ended: its next start is told
    }
  }
}

}  // namespace trimaran
