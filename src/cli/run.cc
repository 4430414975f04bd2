// `trimaran run`: the daemon, in the foreground, as systemd and a terminal both like it.
#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/strings.h"
#include "cli/daemon.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "control/control_server.h"
#include "release/current.h"
#include "supervisor/supervisor.h"

namespace trimaran {
namespace {

// Signals become events of the loop. The children get an empty mask again (os/process.cc).
Result<Fd> open_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, signal);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return errno_error("cannot block signals");
  ::signal(SIGPIPE, SIG_IGN);
  Fd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return errno_error("cannot open a signalfd");
  return fd;
}

void on_signal(const Fd& signals, Supervisor& supervisor, const Runtime& runtime) {
  signalfd_siginfo info{};
  while (::read(signals.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGHUP) {
      supervisor.stop();
      continue;
    }
    ReloadOutcome outcome = supervisor.reload();
    if (outcome.exit_code != 0) runtime.say("reload refused, the old configuration serves: " + outcome.text);
  }
}

// The path that we were started by, absolute. A link stays a link: whoever upgrades may have moved it.
std::string program_path() {
  // Not argv: the verb's begins at the verb. proc(5): the arguments end in NUL.
  std::string command = read_file("/proc/self/cmdline").value_or("");
  std::string program = command.substr(0, command.find('\0'));
  std::error_code failed;
  if (program.contains('/')) return std::filesystem::absolute(program, failed).lexically_normal().string();
  const char* path = std::getenv("PATH");
  for (std::string_view folder : split(path ? path : "", ':')) {
    std::string candidate = std::string(folder) + "/" + program;
    if (folder.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return own_executable();
}

// `before`: what the program left that this process was until now; nothing at an ordinary start.
int serve(SourceBundle sources, Config config, const State* before) {
  EventLoop loop;
  LogSink log(STDERR_FILENO);
  Runtime runtime{loop, log, own_executable(), current_user(), std::nullopt, program_path()};
  if (::geteuid() == 0) {
    auto user = find_user(config.user);
    if (!user) return complain(std::move(user.error()).with_context("[server] user"));
    runtime.app_user = *user;
    if (user->uid != 0) runtime.drop = *user;
  }
  const char* notify_socket = std::getenv("NOTIFY_SOCKET");
  auto signals = open_signals();
  if (!signals) return complain(signals.error());

  std::string control_path = config.control_socket();
  Supervisor supervisor(runtime, Notifier(notify_socket ? notify_socket : ""), std::move(sources), std::move(config));
  ReadWatch signal_watch(loop);
  signal_watch.watch(signals->get(), [&] { on_signal(*signals, supervisor, runtime); });
  if (Status started = before ? supervisor.resume(*before) : supervisor.start(); !started)
    return complain(started.error());
  ControlServer control(loop, supervisor);
  if (Status opened = before ? control.resume(*before) : control.open(control_path); !opened)
    return complain(opened.error());
  supervisor.on_save([&](State& state) { control.save(state); });
  supervisor.on_stopped([&] {
    control.close();
    loop.stop();
  });
  loop.run();
  return kExitDone;
}

// After execve(2) in the program that we were (supervisor/upgrade.cc); the number of the descriptor is `text`.
int go_on(std::string_view text) {
  ::unsetenv(kStateVariable);
  auto number = parse_u64(text);
  auto heritage = number ? read_heritage(Fd(static_cast<int>(*number))) : make_error("no descriptor of a state");
  if (!heritage) return complain(heritage.error());
  return serve(std::move(heritage->sources), std::move(heritage->config), &heritage->state);
}

// Who edits the site's own folder would wonder for long.
void say_releases(const Config& config) {
  for (const SiteConfig& site : config.sites) {
    if (site.release.empty()) continue;
    fmt::print(stderr, "{}: release {} serves, as deployed, and not what lies beside the site file\n", site.domain,
               std::filesystem::path(site.release).filename().string());
  }
}

}  // namespace

int verb_run(int argc, char** argv) {
  if (const char* state = std::getenv(kStateVariable)) return go_on(std::string(state));
  std::string option, user;
  Options options("run", "Runs the site until it is told to stop (SIGTERM, Ctrl-C or trimaran stop).");
  options.site_file(option);
  options.text("--user", user, "As root: whom everything but the supervisor runs as, unless [server] user says");
  if (auto code = options.parse(argc, argv)) return *code;
  std::string file = find_site_file(option);
  if (file.empty()) return kExitUsage;

  auto sources = read_sources(file);
  if (!sources) {
    fmt::print(stderr, "error: {}\n", sources.error().message);
    return kExitUsage;
  }
  if (!user.empty()) sources->default_user = user;
  for (const std::string& line : release::add_current_releases(*sources)) fmt::print(stderr, "warning: {}\n", line);
  ParsedConfig parsed = parse_config(*sources);
  if (!parsed.diagnostics.empty()) {
    std::fputs(format_diagnostics(parsed.diagnostics, *sources).c_str(), stderr);
    return kExitUsage;
  }
  std::fputs(format_diagnostics(parsed.warnings, *sources).c_str(), stderr);
  say_releases(parsed.config);
  return serve(std::move(*sources), std::move(parsed.config), nullptr);
}

}  // namespace trimaran
