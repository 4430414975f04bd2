#include "supervisor/app_worker.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/strings.h"
#include "config/units.h"
#include "role/role.h"
#include "supervisor/app_user.h"
#include "supervisor/log_files.h"
#include "supervisor/worker_command.h"

namespace trimaran {
namespace {

ServiceSpec spec_of(const Runtime& runtime, const Generation& generation, const std::string& name) {
  const AppConfig& app = *generation.site.app;
  using Evidence = ServiceSpec::Evidence;
  return {.name = "app " + generation.site.domain + "/" + name,
          .kind = "worker",
          .evidence = speaks_for_itself(app.kind) ? Evidence::owner : Evidence::role_link,
          // One that is forked may have to wait for the import first, which has as long.
          .start_ms = app.preload ? 2 * app.start_timeout_ms : app.start_timeout_ms,
          .start_key = "[app] start_timeout is " + format_duration(app.start_timeout_ms),
          .output = output_of(runtime, generation.site),
          .drain_signal = Upstream::drain_signal(app.kind),
          .groups = runtime.groups};
}

// The others are strangers' programs: the signal would kill them.
bool has_traceback(AppKind kind) { return kind == AppKind::wsgi || kind == AppKind::asgi || kind == AppKind::native; }

}  // namespace

AppWorker::AppWorker(Fleet& fleet, const Generation& generation, WorkerOwner& owner, const std::string& name)
    : fleet_(fleet),
      generation_(generation),
      owner_(owner),
      name_(name),
      lease_watch_(fleet.runtime.loop),
      let_go_(fleet.runtime.loop),
      slow_start_(fleet.runtime.loop),
      lifetime_(fleet.runtime.loop),
      end_(fleet.runtime.loop),
      service_(fleet.runtime.loop, fleet.runtime.log, *this, spec_of(fleet.runtime, generation, name)) {
  if (!speaks_for_itself(generation.site.app->kind)) return;
  std::string stem = fleet.run_dir + "/worker-" + std::to_string(++fleet.workers);
  upstream_ = std::make_unique<Upstream>(fleet.runtime, generation.site, fleet.ports, std::move(stem));
  proof_ = std::make_unique<Proof>(
      fleet.runtime, generation.site, service_.name() + " probe",
      Proof::Answers{[this] { service_.prove(); }, [this](std::string_view reason) { service_.disprove(reason); }});
}

Result<SpawnOptions> AppWorker::prepare(Service&) {
  int number = ++fleet_.workers;
  number_ = std::to_string(number);
  auto options =
      worker_command(fleet_.runtime, generation_.site,
                     {.number = number_,
                      .database_url = generation_.database_url,
                      .max_requests = with_jitter(generation_.site.app->max_requests, static_cast<uint64_t>(number))});
  if (!options || !upstream_) return options;
  if (Status prepared = upstream_->prepare(*options); !prepared) return std::unexpected(prepared.error());
  return options;
}

Result<Process> AppWorker::launch(Service&, const SpawnOptions& options) {
  Preload* preload = owner_.preload();
  if (!preload) return spawn(options);
  if (Status asked = preload->fork(options); !asked) return std::unexpected(asked.error());
  return Process();
}

void AppWorker::on_started(Service& service) {
  if (proof_) proof_->ask(*upstream_);
  if (!has_traceback(generation_.site.app->kind)) return;
  // An import that hangs: its last lines say where, when it is killed.
  Millis start_ms = service.spec().start_ms;
  slow_start_.set(start_ms - std::min(start_ms / 4, kLastWordsMs), [this] {
    if (service_.state() == ServiceState::starting && service_.pid() > 0) ::kill(service_.pid(), traceback_signal());
  });
}

void AppWorker::connect() {
  Status connected = upstream_ ? connect_upstream() : fleet_.front.connect(service_, number_, generation_);
  if (!connected) {
    fleet_.runtime.say(service_.name() + ": " + connected.error().message);
    service_.kill();
  }
}

Status AppWorker::connect_upstream() {
  if (!lease_) {
    auto lease = Lease::make();
    if (!lease) return std::unexpected(lease.error());
    lease_ = std::move(*lease);
  }
  if (!lease_.giving()) return {};  // it is retired: a new front has no use for it
  return fleet_.front.connect(*upstream_, lease_, service_.pid(), number_, generation_);
}

void AppWorker::retire(Millis limit_ms) {
  if (std::exchange(retired_, true)) {  // a shorter limit
    if (lease_) return wait_for_lease(limit_ms);
    return service_.drain(limit_ms);
  }
  lifetime_.cancel();
  bool serves = service_.serving();
  if (serves) fleet_.front.retire(generation_.site.domain, number_);
  if (serves && lease_) return wait_for_lease(limit_ms);
  service_.drain(limit_ms);
  if (!serves) service_.kill();
}

void AppWorker::end(Millis limit_ms) {
  drop_lease();
  service_.drain(limit_ms);
}

// A stranger's program may end at its signal with requests under way, so it hears of its end when it has none.
void AppWorker::wait_for_lease(Millis limit_ms) {
  lease_.close_giving();
  lease_watch_.watch(lease_.fd(), [this] { let_go(); });
  Millis now = fleet_.runtime.loop.now();
  if (!let_go_.armed() || now + limit_ms < let_go_.deadline()) let_go_.set(limit_ms, [this] { let_go(); });
}

void AppWorker::let_go() {
  drop_lease();
  service_.drain(kStopMs);
}

void AppWorker::drop_lease() {
  lease_watch_.reset();
  lease_ = Lease();
  let_go_.cancel();
}

void AppWorker::end_within(Millis limit_ms) {
  if (!end_.armed()) end_.set(limit_ms, [this] { service_.kill(); });
}

void AppWorker::show_traceback() {
  if (service_.serving() && service_.pid() > 0 && has_traceback(generation_.site.app->kind))
    ::kill(service_.pid(), traceback_signal());
}

uint64_t AppWorker::resident_bytes() const {
  if (service_.pid() <= 0) return 0;
  // statm(5): the second number is the resident set, in pages.
  auto text = read_file("/proc/" + std::to_string(service_.pid()) + "/statm", 256);
  unsigned long long size = 0, resident = 0;
  if (!text || std::sscanf(text->c_str(), "%llu %llu", &size, &resident) != 2) return 0;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

void AppWorker::on_message(Service&, Message message) {
  if (message.verb == "recycle") owner_.on_recycle(*this, message.field("reason"));
  if (message.verb == "forked" && owner_.preload()) on_forked(message.field("pid"));
}

void AppWorker::on_forked(std::string_view pid) {
  auto user = find_app_user(fleet_.runtime, generation_.site);
  if (!user) return service_.disprove(user.error().message);
  auto process = adopted_child(static_cast<pid_t>(parse_u64(pid).value_or(0)), user->who.uid);
  if (!process) return service_.disprove(process.error().message);
  service_.forked(std::move(*process));
}

void AppWorker::on_change(Service& service) {
  if (service.state() != ServiceState::starting) slow_start_.cancel();
  if (service.serving()) {
    failed_ = false;
    connect();
    Millis lifetime_ms = generation_.site.app->max_lifetime_ms;
    if (lifetime_ms > 0) {
      uint64_t seed = static_cast<uint64_t>(service.pid());
      lifetime_.set(with_jitter(lifetime_ms, seed), [this] { owner_.on_recycle(*this, "its lifetime is over"); });
    }
  } else if (!service.machine().running()) {
    ended();
    if (service.state() == ServiceState::back_off) failed_ = service.machine().failed_to_start();
  }
  owner_.on_worker_change(*this);
}

void AppWorker::ended() {
  lifetime_.cancel();
  end_.cancel();
  if (!upstream_) return;
  proof_->forget();
  // The front sees no end of a line, as it does with one of our workers: it is told.
  if (lease_) fleet_.front.retire(generation_.site.domain, number_);
  drop_lease();
  if (retired_ && service_.state() == ServiceState::back_off) service_.drain(0);  // it ended while it was waited for
}

int64_t with_jitter(int64_t value, uint64_t number) {
  // splitmix64: neighbours get numbers that have nothing to do with each other.
  uint64_t x = number + 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  x ^= x >> 31;
  return value - static_cast<int64_t>(x % static_cast<uint64_t>(value / 10 + 1));
}

}  // namespace trimaran
