// Child processes: started with exactly the descriptors, environment and user that they are given, watched by pidfd.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "os/fd.h"

namespace trimaran {

struct Credentials {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};

// Looks the user up in the system's account database; an error names the user that does not exist.
Result<Credentials> find_user(const std::string& name);
// The user that this process runs as.
Credentials current_user();

struct SpawnOptions {
  std::vector<std::string> argv;                 // argv[0] is the program's path; no PATH search
  std::vector<std::string> environment;          // "KEY=value"; nothing is inherited
  std::string directory;                         // working directory; "" keeps ours
  std::optional<Credentials> user;               // setgroups + setgid + setuid; only when we are root
  std::vector<std::pair<int, int>> descriptors;  // {number in the child, our descriptor}; 0 is /dev/null unless given
  bool dies_with_parent = true;                  // PR_SET_PDEATHSIG SIGKILL; the database is the one that lives on
};

struct Process {
  pid_t pid = 0;
  Fd pidfd;  // readable once the process has ended (pidfd_open(2))
};

// Forks and executes, in a process group of its own (Ctrl-C reaches only the supervisor). Returns after the exec has
// succeeded; a failure names the step: "cannot execute /x: No such file or directory". Between fork(2) and execve(2)
// nothing takes a lock, so other threads do no harm; with dies_with_parent the thread that calls is the parent
// (prctl(2)).
Result<Process> spawn(const SpawnOptions& options);

// From now on an orphan among our descendants becomes our child (PR_SET_CHILD_SUBREAPER of prctl(2)), so that a process
// that another child forked for us can be watched and reaped like any other.
Status adopt_orphans();
// Such a child. `pid` is what somebody said: it must be a child of ours and belong to `uid`, or whoever says it could
// have any process of ours killed.
Result<Process> adopted_child(pid_t pid, uid_t uid);

// How a process ended.
struct Exit {
  bool signaled = false;
  int code = 0;                   // exit status or signal number
  std::string to_string() const;  // "exited with status 1", "was killed by signal 9 (KILL)"
};
// Reaps the process if it has ended; nothing when it still runs.
std::optional<Exit> try_reap(pid_t pid);
// Whether a child of this process, of one thread, other than `leader` is in his process group and has not ended; those
// that have are reaped. After a SIGKILL to the group of an adopted orphan's parent: whether some of it is still there.
// False if the kernel cannot tell (CONFIG_PROC_CHILDREN).
bool has_members_left(pid_t leader);
// Children of this process, of one thread, that have ended and were not reaped yet. None if the kernel cannot tell
// (CONFIG_PROC_CHILDREN).
std::vector<pid_t> ended_children();

// Raises this process's soft limit of open descriptors to its hard limit (setrlimit(2), RLIMIT_NOFILE); the limit that
// is then in force. For a process that serves connections only: what uses select(2) breaks beyond 1024.
uint64_t raise_descriptor_limit();

// The current process's environment as "KEY=value" strings.
std::vector<std::string> current_environment();
// The absolute path of the running program (/proc/self/exe).
std::string own_executable();

}  // namespace trimaran
