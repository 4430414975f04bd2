#include "supervisor/database.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace trimaran {
namespace {

constexpr Millis kInstallMs = 120'000;  // half a second here; a slow disk is slow
constexpr Millis kStartMs = 120'000;    // crash recovery asks for more by EXTEND_TIMEOUT_USEC
constexpr Millis kDrainMs = 60'000;     // 13 ms when idle; a large dirty buffer pool asks for more
constexpr Millis kSurvivorMs = 60'000;
constexpr Millis kRetryMs = 10'000;  // of what no child reports: a lock, a folder, a missing package

}  // namespace

Database::Database(const Runtime& runtime, const std::string& state_dir, const std::string& run_dir,
                   std::function<void()> changed)
    : runtime_(runtime),
      paths_(MariadbPaths::in(state_dir, run_dir)),
      user_(mariadb_user(runtime.drop.has_value(), runtime.app_user)),
      changed_(std::move(changed)),
      survivor_watch_(runtime.loop),
      survivor_deadline_(runtime.loop),
      retry_(runtime.loop),
      installer_(runtime.loop, runtime.log, *this,
                 {.name = "mariadb-install-db",
                  .kind = "database",
                  .evidence = ServiceSpec::Evidence::exit,
                  .start_ms = kInstallMs,
                  .log_if_failed = true}),  // two dozen lines of advice about a server that nobody starts like that
      server_(runtime.loop, runtime.log, *this,
              {.name = "mariadbd",
               .kind = "database",
               .evidence = ServiceSpec::Evidence::sd_notify,
               .start_ms = kStartMs,
               .drain_ms = kDrainMs}) {}

Database::~Database() { ::unlink(paths_.socket.c_str()); }

const std::string& Database::reason() const { return reason_.empty() ? server_.machine().reason() : reason_; }

bool Database::installed() const {
  struct stat st {};
  return ::stat(paths_.data.c_str(), &st) == 0;
}

void Database::start(std::vector<MariadbDatabase> databases) {
  databases_ = std::move(databases);
  draining_ = false;
  begin();
}

void Database::change(std::vector<MariadbDatabase> databases) {
  bool missing = std::any_of(databases.begin(), databases.end(), [&](const MariadbDatabase& wanted) {
    return std::find(databases_.begin(), databases_.end(), wanted) == databases_.end();
  });
  databases_ = std::move(databases);
  if (!missing && !draining_) return;
  draining_ = false;
  // Without a client library the init file is our only way to speak to the server: 70 ms in which it is away.
  restart();
}

void Database::restart() {
  restart_wanted_ = server_.machine().running();
  if (restart_wanted_) server_.drain();
}

void Database::drain() {
  draining_ = true;
  restart_wanted_ = false;
  retry_.cancel();
  installer_.kill();
  installer_.drain();
  server_.drain();
}

void Database::save(State& state) const {
  if (!server_.machine().running()) return;
  StateRecord& record = state.add("database").set_fd("lock", lock_.fd());
  server_.save(record);
  record.set("draining", draining_ ? 1 : 0).set("restart_wanted", restart_wanted_ ? 1 : 0);
}

Status Database::adopt(const StateRecord& record, std::vector<MariadbDatabase> databases) {
  databases_ = std::move(databases);
  draining_ = record.number("draining") != 0;
  restart_wanted_ = record.number("restart_wanted") != 0;
  lock_ = LockFile::adopt(record.take_fd("lock"), paths_.lock);
  return server_.adopt(record);
}

void Database::begin() {
  if (!lock_) {
    auto lock = LockFile::take(paths_.lock);
    if (!lock) return fail(lock.error());
    lock_ = std::move(*lock);
  }
  if (auto pid = find_mariadb_survivor(paths_)) return wait_for_survivor(*pid);
  std::optional<Credentials> owner = runtime_.drop ? std::optional(user_) : std::nullopt;
  if (auto programs = find_mariadb(); !programs) return fail(programs.error());
  if (Status made = prepare_mariadb(paths_, owner, databases_); !made) return fail(made.error());
  reason_.clear();
  if (installed()) return server_.start();
  runtime_.say("creating the database server's folder " + paths_.data);
  installer_.start();
}

// Adopting it would need its notification socket, which died with its supervisor: it is stopped in order instead.
void Database::wait_for_survivor(pid_t pid) {
  runtime_.say("stopping mariadbd " + std::to_string(pid) + ", which a killed supervisor left behind");
  survivor_pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!survivor_pidfd_) return begin();  // it has just ended
  auto tell = [this](int signal) { ::syscall(SYS_pidfd_send_signal, survivor_pidfd_.get(), signal, nullptr, 0); };
  tell(SIGTERM);
  survivor_deadline_.set(kSurvivorMs, [tell] { tell(SIGKILL); });
  survivor_watch_.watch(survivor_pidfd_.get(), [this] {
    survivor_watch_.reset();
    survivor_deadline_.cancel();
    survivor_pidfd_.reset();
    ::unlink(paths_.pid_file.c_str());
    if (!draining_)
      begin();
    else
      changed_();
  });
}

void Database::fail(const Error& error) {
  reason_ = error.os_errno == EWOULDBLOCK ? "another daemon uses the database in " + paths_.data : error.message;
  runtime_.say("mariadb: " + reason_);
  retry_.set(kRetryMs, [this] { begin(); });
  changed_();
}

Result<SpawnOptions> Database::prepare(Service& service) {
  auto programs = find_mariadb();
  if (!programs) return std::unexpected(programs.error());
  SpawnOptions options;
  options.argv = &service == &installer_ ? mariadb_install_command(*programs, paths_, user_.name)
                                         : mariadb_server_command(*programs, paths_);
  options.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LANG=C.UTF-8"};
  options.directory = "/";
  if (runtime_.drop) options.user = user_;
  // It outlives a killed supervisor: a write under way is worth more than order.
  options.dies_with_parent = &service == &installer_;
  return options;
}

void Database::on_change(Service& service) {
  if (&service == &installer_ && service.gone() && !draining_) {
    bool good = service.last_exit() && !service.last_exit()->signaled && service.last_exit()->code == 0;
    if (!good) return fail(make_error("mariadb-install-db " + service.machine().reason()).error());
    if (Status committed = commit_mariadb_install(paths_); !committed) return fail(committed.error());
    return begin();
  }
  if (&service == &server_ && service.gone() && restart_wanted_) {
    restart_wanted_ = false;
    return begin();
  }
  changed_();
}

}  // namespace trimaran
