// The signal reaches any one thread, which passes it on to all threads of the process; each one writes its own stack.
// Only calls that signal-safety(7) allows, and backtrace_symbols_fd(3), which allocates nothing once libgcc is loaded.
#include "host/traceback.h"

#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "role/role.h"

namespace trimaran::host {
namespace {

constexpr int kFramesMax = 64;          // deeper stacks are cut at their oldest end
constexpr int kThreadsMax = 1024;       // as many as trimaran-host starts
constexpr int kTurnSpinsMax = 100'000;  // a thread that writes may be stopped: then the lines mix

// A lock that a signal handler may take: the signal is blocked while it runs, so no thread waits for itself.
std::atomic_flag writing = ATOMIC_FLAG_INIT;

void say(const char* text) { (void)!::write(STDERR_FILENO, text, std::strlen(text)); }

void say_number(long number) {
  char digits[24], *at = digits + sizeof digits - 1;
  *at = '\0';
  do *--at = static_cast<char>('0' + number % 10);
  while ((number /= 10) > 0);
  say(at);
}

void write_own_stack() {
  void* frames[kFramesMax];
  int count = ::backtrace(frames, kFramesMax);
  bool mine = false;
  for (int i = 0; i < kTurnSpinsMax && !mine; ++i) {
    mine = !writing.test_and_set(std::memory_order_acquire);
    if (!mine) ::sched_yield();
  }
  say("thread ");
  say_number(::syscall(SYS_gettid));
  say(":\n");
  ::backtrace_symbols_fd(frames, count, STDERR_FILENO);
  if (mine) writing.clear(std::memory_order_release);
}

void tell_every_thread(int signal) {
  // readdir(3) allocates: the kernel is asked itself.
  int folder = ::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  alignas(dirent64) char buffer[4096];
  int told = 0;
  for (long size; (size = ::syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0;) {
    for (long at = 0; at < size && told < kThreadsMax; at += reinterpret_cast<dirent64*>(buffer + at)->d_reclen) {
      int thread = std::atoi(reinterpret_cast<dirent64*>(buffer + at)->d_name);
      if (thread > 0 && ::syscall(SYS_tgkill, ::getpid(), thread, signal) == 0) ++told;
    }
  }
  ::close(folder);
}

void on_signal(int signal, siginfo_t* info, void*) {
  int saved = errno;
  // SI_TKILL: it was passed on by one of us.
  if (info->si_code == SI_TKILL) {
    write_own_stack();
  } else {
    say("where every thread is:\n");
    tell_every_thread(signal);
  }
  errno = saved;
}

}  // namespace

void install_traceback() {
  void* frame;
  ::backtrace(&frame, 1);  // loads libgcc now: dlopen in a signal handler may deadlock
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(traceback_signal(), &action, nullptr);
}

}  // namespace trimaran::host
