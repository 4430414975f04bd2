#include "os/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>

extern char** environ;

namespace trimaran {
namespace {

// The steps that may fail between fork and exec, told to the parent through a pipe.
enum class Step : int { descriptors, group, user, directory, exec };

struct Failure {
  Step step;
  int os_errno;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void fail(int report_fd, Step step) {
  Failure failure{step, errno};
  [[maybe_unused]] ssize_t n = ::write(report_fd, &failure, sizeof failure);
  ::_exit(127);
}

// In the child: puts each descriptor at its number. The sources are first copied above all targets, so that no target
// overwrites a source that is still needed.
void place_descriptors(const SpawnOptions& options, int& report_fd) {
  int floor = 3;
  for (const auto& [target, source] : options.descriptors) floor = target >= floor ? target + 1 : floor;
  int moved = ::fcntl(report_fd, F_DUPFD_CLOEXEC, floor);
  if (moved < 0) fail(report_fd, Step::descriptors);
  report_fd = moved;
  int copies[64];
  size_t count = 0;
  for (const auto& [target, source] : options.descriptors) {
    if (count == sizeof copies / sizeof *copies) fail(report_fd, Step::descriptors);
    copies[count] = ::fcntl(source, F_DUPFD_CLOEXEC, floor);
    if (copies[count++] < 0) fail(report_fd, Step::descriptors);
  }
  int null = ::open("/dev/null", O_RDWR);
  if (null < 0 || (null != 0 && ::dup2(null, 0) < 0)) fail(report_fd, Step::descriptors);
  for (size_t i = 0; i < count; ++i) {
    if (::dup2(copies[i], options.descriptors[i].first) < 0) fail(report_fd, Step::descriptors);
  }
}

// In the child, after fork: only async-signal-safe calls; never returns.
[[noreturn]] void become(const SpawnOptions& options, char** argv, char** envp, int report_fd, pid_t parent) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  if (::setpgid(0, 0) != 0) fail(report_fd, Step::group);
  place_descriptors(options, report_fd);
  if (options.user && ::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(options.user->gid) != 0 || ::setuid(options.user->uid) != 0) {
      fail(report_fd, Step::user);
    }
  }
  // After setuid: a change of credentials clears it (prctl(2)).
  if (options.dies_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // the parent died before we asked
  }
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) fail(report_fd, Step::directory);
  ::execve(argv[0], argv, envp);
  fail(report_fd, Step::exec);
}

Error describe(const Failure& failure, const SpawnOptions& options) {
  std::string what;
  switch (failure.step) {
    case Step::descriptors:
      what = "cannot hand over descriptors to " + options.argv[0];
      break;
    case Step::group:
      what = "cannot create a process group";
      break;
    case Step::user:
      what = "cannot become the user " + options.user->name;
      break;
    case Step::directory:
      what = "cannot enter the folder " + options.directory;
      break;
    case Step::exec:
      what = "cannot execute " + options.argv[0];
      break;
  }
  return errno_error(what, failure.os_errno).error();
}

}  // namespace

Result<Credentials> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[16384];
  if (::getpwnam_r(name.c_str(), &entry, buffer, sizeof buffer, &found) != 0 || !found) {
    return make_error("there is no user named \"" + name + "\"");
  }
  return Credentials{name, entry.pw_uid, entry.pw_gid, entry.pw_dir};
}

Credentials current_user() {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[16384];
  uid_t uid = ::geteuid();
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found) {
    return Credentials{entry.pw_name, uid, ::getegid(), entry.pw_dir};
  }
  return Credentials{std::to_string(uid), uid, ::getegid(), "/"};
}

Result<Process> spawn(const SpawnOptions& options) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return errno_error("cannot create a pipe");
  Fd report_read(report[0]), report_write(report[1]);
  std::vector<char*> argv = pointers(options.argv), envp = pointers(options.environment);
  pid_t parent = ::getpid();
  pid_t pid = ::fork();
  if (pid < 0) return errno_error("cannot fork");
  if (pid == 0) become(options, argv.data(), envp.data(), report_write.get(), parent);
  report_write.reset();
  Failure failure{};
  ssize_t n;
  do {
    n = ::read(report_read.get(), &failure, sizeof failure);
  } while (n < 0 && errno == EINTR);
  if (n == sizeof failure) {
    ::waitpid(pid, nullptr, 0);
    return std::unexpected(describe(failure, options));
  }
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {  // EMFILE: a child that nobody watches must not live
    auto error = errno_error("cannot watch a process");
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  return Process{pid, std::move(pidfd)};
}

Status adopt_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return errno_error("cannot adopt orphans");
  return {};
}

Result<Process> adopted_child(pid_t pid, uid_t uid) {
  std::string name = "process " + std::to_string(pid);
  siginfo_t info{};
  // For pid 0 waitid(2) would mean any process of our group.
  if (pid <= 0 || ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return make_error(name + " is no child of ours");
  }
  struct stat owner {};
  if (::stat(("/proc/" + std::to_string(pid)).c_str(), &owner) != 0 || owner.st_uid != uid) {
    return make_error(name + " is another user's");
  }
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return errno_error("cannot watch " + name);
  return Process{pid, std::move(pidfd)};
}

std::string Exit::to_string() const {
  if (!signaled) return "exited with status " + std::to_string(code);
  const char* name = ::sigabbrev_np(code);
  return "was killed by signal " + std::to_string(code) + (name ? " (" + std::string(name) + ")" : "");
}

std::optional<Exit> try_reap(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  if (WIFSIGNALED(status)) return Exit{true, WTERMSIG(status)};
  return Exit{false, WEXITSTATUS(status)};
}

std::vector<pid_t> ended_children() {
  std::vector<pid_t> out;
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  for (pid_t pid; children >> pid;) {
    siginfo_t info{};
    bool ours = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    if (ours && info.si_pid == pid) out.push_back(pid);
  }
  return out;
}

bool has_members_left(pid_t leader) {
  bool left = false;
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  for (pid_t pid; children >> pid;) {
    if (pid != leader && ::getpgid(pid) == leader && !try_reap(pid)) left = true;
  }
  return left;
}

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  rlimit raised{limit.rlim_max, limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

std::vector<std::string> current_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) out.emplace_back(*entry);
  return out;
}

std::string own_executable() {
  char path[PATH_MAX];
  ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  return n > 0 ? std::string(path, static_cast<size_t>(n)) : std::string();
}

}  // namespace trimaran
