#include "supervisor/service.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "role/role.h"
#include "supervisor/process_groups.h"

namespace trimaran {
namespace {

constexpr Millis kLinklessMs = 1'000;  // a child that closed its link is about to end, or is made to

}  // namespace

Service::Service(EventLoop& loop, LogSink& log, ServiceOwner& owner, ServiceSpec spec)
    : loop_(loop),
      log_(log),
      owner_(owner),
      spec_(std::move(spec)),
      pump_(loop, spec_.output ? *spec_.output : log, spec_.name, spec_.log_if_failed),
      exit_watch_(loop),
      link_watch_(loop),
      deadline_(loop),
      restart_(loop),
      group_look_(loop) {}

Service::~Service() {
  exit_watch_.reset();
  link_watch_.reset();
  kill_group();
  forget_group();
}

void Service::start() {
  if (machine_.running()) return;
  restart_.cancel();
  last_exit_.reset();
  launches_ = 0;
  machine_.start(loop_.now());
  if (Status spawned = spawn_process(); !spawned) {
    machine_.failing(spawned.error().message);
    ended(spawned.error().message);
    return;
  }
  deadline_.set(spec_.start_ms, [this] {
    overdue(spec_.evidence == ServiceSpec::Evidence::exit ? "did not end" : "was not ready", spec_.start_key);
  });
  owner_.on_change(*this);
  owner_.on_started(*this);
  if (spec_.evidence == ServiceSpec::Evidence::running && state() == ServiceState::starting) proved_ready();
}

Status Service::spawn_process() {
  auto options = owner_.prepare(*this);
  if (!options) return std::unexpected(options.error());
  auto log_end = pump_.open();
  if (!log_end) return std::unexpected(log_end.error());
  options->descriptors.emplace_back(STDOUT_FILENO, log_end->get());
  options->descriptors.emplace_back(STDERR_FILENO, log_end->get());

  Fd child_link;
  if (spec_.evidence == ServiceSpec::Evidence::role_link) {
    auto pair = MessageSocket::make_pair();
    if (!pair) return std::unexpected(pair.error());
    link_ = std::move(pair->first);
    child_link = pair->second.take_fd();
    options->descriptors.emplace_back(kRoleLinkFd, child_link.get());
  } else if (spec_.evidence == ServiceSpec::Evidence::sd_notify) {
    auto notices = NoticeSocket::open();
    if (!notices) return std::unexpected(notices.error());
    notices_ = std::move(*notices);
    options->environment.push_back("NOTIFY_SOCKET=" + notices_.address());
  }

  ++launches_;
  auto process = owner_.launch(*this, *options);
  if (!process) return std::unexpected(process.error());
  process_ = std::move(*process);
  watch_process();
  return {};
}

void Service::record_group() {
  if (!spec_.groups || process_.pid <= 0) return;
  if (Status recorded = spec_.groups->add(process_.pid); !recorded) log(recorded.error().message);
}

void Service::forget_group() {
  if (!spec_.groups || process_.pid <= 0) return;
  if (Status removed = spec_.groups->remove(process_.pid); !removed) log(removed.error().message);
}

void Service::watch_process() {
  record_group();
  if (process_.pidfd) exit_watch_.watch(process_.pidfd.get(), [this] { on_exit(); });
  if (link_) link_watch_.watch(link_.fd(), [this] { on_link(kMessagesAtOnce); });
  if (notices_.fd() >= 0) link_watch_.watch(notices_.fd(), [this] { on_notice(); });
}

void Service::drain(Millis limit_ms) {
  if (gone()) return;
  if (state() == ServiceState::draining) {
    if (loop_.now() + limit_ms < deadline_.deadline()) deadline_.set(limit_ms, [this] { overdue("did not finish"); });
    return;
  }
  end_within(limit_ms, "drain", 0);
}

void Service::hand_over(Millis limit_ms) {
  if (!gone() && state() != ServiceState::draining) end_within(limit_ms, "hand-over", spec_.drain_ms);
}

void Service::end_within(Millis limit_ms, const char* verb, Millis grace_ms) {
  restart_.cancel();
  bool was_running = machine_.running();
  machine_.drain(loop_.now());
  if (was_running) {
    deadline_.set(limit_ms + grace_ms, [this] { overdue("did not finish"); });
    if (link_)
      send({verb, {{"limit_ms", std::to_string(limit_ms)}}, {}});
    else
      ask_to_end();
  }
  owner_.on_change(*this);
}

void Service::forked(Process process) {
  if (!machine_.running() || process_.pid > 0) return;
  process_ = std::move(process);
  record_group();
  exit_watch_.watch(process_.pidfd.get(), [this] { on_exit(); });
}

void Service::prove() {
  if (state() == ServiceState::starting) proved_ready();
}

void Service::disprove(std::string_view reason) {
  if (state() != ServiceState::starting) return;
  machine_.failing(reason);
  kill();
}

// A command line may be several processes (shell_command.h). A program that is one, and may have children, knows its
// own.
void Service::ask_to_end() {
  if (process_.pid <= 0) return;
  bool alone = spec_.evidence == ServiceSpec::Evidence::sd_notify || spec_.evidence == ServiceSpec::Evidence::owner;
  ::kill(alone ? process_.pid : -process_.pid, spec_.drain_signal);
}

void Service::kill() {
  restart_.cancel();
  kill_group();
  if (process_.pid > 0 || !machine_.running()) return;
  // Not forked yet: without its link it will not live. Our caller expects an end that comes later.
  link_watch_.reset();
  link_.close();
  deadline_.set(0, [this] { overdue("was not forked"); });
}

void Service::kill_group() {
  if (process_.pid > 0) ::kill(-process_.pid, SIGKILL);
}

bool Service::send(const Message& message) {
  if (!link_) return false;
  Status sent = link_.send(message);
  if (!sent) {
    log(sent.error().message);
    kill();
  }
  return sent.has_value();
}

void Service::save(StateRecord& record) const {
  machine_.save(record);
  record.set("name", spec_.name).set("kind", spec_.kind).set("pid", process_.pid);
  if (deadline_.armed()) record.set("deadline", deadline_.deadline());
  if (restart_.armed()) record.set("restart", restart_.deadline());
  record.set_fd("link", link_.fd()).set_fd("notify", notices_.fd()).set("notify", notices_.address());
  pump_.save(record);
}

Status Service::adopt(const StateRecord& record) {
  pump_.adopt(record);
  if (Fd link = record.take_fd("link")) link_ = MessageSocket(std::move(link));
  if (Fd notify = record.take_fd("notify")) notices_ = NoticeSocket(std::move(notify), record.text("notify"));
  auto pid = static_cast<pid_t>(record.number("pid"));
  if (pid > 0) {
    // Still our child: the process is the same. If it has ended meanwhile it waits for us as a zombie.
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd) return errno_error("cannot watch " + spec_.name + " (pid " + std::to_string(pid) + ")");
    process_ = Process{pid, std::move(pidfd)};
  }
  machine_.restore(record);
  if (machine_.running() && pid <= 0 && !link_) return make_error(spec_.name + " runs without a process");
  auto rest_of = [&](const char* key) { return std::max<Millis>(0, record.number(key) - loop_.now()); };
  if (!record.text("deadline").empty()) {
    deadline_.set(rest_of("deadline"), [this] {
      bool starts = state() == ServiceState::starting;
      overdue(starts ? "was not ready" : "did not finish", starts ? spec_.start_key : "");
    });
  }
  if (!record.text("restart").empty()) restart_.set(rest_of("restart"), [this] { start(); });
  if (machine_.running()) watch_process();
  return {};
}

void Service::on_link(int messages_max) {
  for (int i = 0; link_ && i < messages_max; ++i) {
    auto message = link_.receive();
    if (!message) {
      link_watch_.reset();
      link_.close();
      if (process_.pid <= 0) return not_forked();
      deadline_.set(kLinklessMs, [this] { overdue("closed its link and went on"); });
      return;
    }
    if (!*message) return;
    Message& m = **message;
    if (m.verb == "failed") {
      machine_.failing(m.field("reason"));
    } else if (m.verb == "ready" && state() == ServiceState::starting && process_.pid > 0) {
      proved_ready();
    } else {
      owner_.on_message(*this, std::move(m));
    }
  }
}

void Service::not_forked() {
  if (state() == ServiceState::starting && !machine_.failing() && launches_ < kLaunchesMax) {
    pump_.finish();
    Status spawned = spawn_process();
    if (spawned) return;
    machine_.failing(spawned.error().message);
  }
  ended("could not be forked");
}

void Service::on_notice() {
  for (int i = 0; i < NoticeSocket::kNoticesAtOnce; ++i) {
    auto notice = notices_.receive(process_.pid);
    if (!notice) return;
    bool waits = state() == ServiceState::starting || state() == ServiceState::draining;
    if (waits && notice->extend_ms > 0) {
      deadline_.set(notice->extend_ms, [this] { overdue("asked for more time and did not finish"); });
    }
    if (notice->ready && state() == ServiceState::starting) proved_ready();
  }
}

void Service::proved_ready() {
  record_group();  // of one that was forked for us and has left its parent's group since
  deadline_.cancel();
  Millis took_ms = loop_.now() - machine_.since();
  machine_.ready(loop_.now());
  log("serves (pid " + std::to_string(process_.pid) + ", ready in " + std::to_string(took_ms) + " ms)");
  owner_.on_change(*this);
}

void Service::on_exit() {
  // Its last words explain the exit: a `failed` may still be in the link.
  on_link(kMessagesAtEnd);
  // While the dead child is not reaped its number belongs to its group: nobody else can be hit.
  kill_group();
  exit_watch_.reset();
  link_watch_.reset();
  deadline_.cancel();
  group_until_ = loop_.now() + kGroupMs;
  await_group();
}

// A successor may want what they hold, a port or a file's lock, and so may whoever waits for our own end.
void Service::await_group() {
  if (spec_.groups && has_members_left(process_.pid)) {
    if (loop_.now() < group_until_) return group_look_.set(kGroupLookMs, [this] { await_group(); });
    log("left processes behind that do not end");
  }
  forget_group();
  last_exit_ = try_reap(process_.pid);
  ended(last_exit_ ? last_exit_->to_string() : "ended");
}

void Service::ended(std::string_view how) {
  exit_watch_.reset();
  link_watch_.reset();
  deadline_.cancel();
  link_.close();
  notices_ = NoticeSocket();
  pump_.finish(!ended_well());
  process_ = Process();

  bool once = spec_.evidence == ServiceSpec::Evidence::exit;
  auto pause = machine_.end(loop_.now(), once && ended_well() ? "" : how);
  if (once && pause) {
    machine_.drain(loop_.now());  // it has run its one time
    pause.reset();
  } else if (pause) {
    log(machine_.reason() + "; next start " + (*pause == 0 ? "now" : "in " + std::to_string(*pause) + " ms"));
    restart_.set(*pause, [this] { start(); });
  }
  owner_.on_change(*this);
}

void Service::overdue(std::string_view what, const std::string& key) {
  std::string reason = std::string(what) + " in time" + (key.empty() ? "" : " (" + key + ")") + " and was killed";
  log(reason);
  if (state() == ServiceState::starting) machine_.failing(reason);
  if (process_.pid <= 0) return ended(reason);
  kill_group();
}

}  // namespace trimaran
