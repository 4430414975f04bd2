// The process groups of our services in a file of the run folder, so that the next supervisor can end what outlived a
// killed one. PR_SET_PDEATHSIG ends only our own children; theirs (the pool of php-fpm, what a program forked) have
// another parent, and would keep its listening socket for ever.
//
// A number proves nothing: it may be somebody else's by now. A process is of an earlier run of ours if all of this
// holds, and is left alone otherwise:
//   - the file was written since this boot, in this PID namespace;
//   - its group and its session are those of the record, and so is the group's leader, by its time of birth, if there
//     is one;
//   - it was not born before the recorded leader;
//   - its environment names a site of ours (TRIMARAN_SITE), unless there is none to read: php-fpm, nginx and others
//     write their titles over it.
// An ended leader's number is given to nobody while its group lives, so only a group that ended before the supervisor
// was killed could be mistaken, and the record of that one was removed with it. What left its group for a session of
// its own (setsid(2)) is not ours to end, as it is not while the supervisor lives.
//
// Rejected: only a mark in the environment (php-fpm has none left, and another user's may not be read without
// CAP_SYS_PTRACE); who holds a socket of ours (the same right, and no word on those without a socket); a process that
// waits for our end to kill the rest (it can be killed as we can); cgroups (not everybody's to make).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "os/fd.h"

namespace trimaran {

class ProcessGroups {
 public:
  explicit ProcessGroups(std::string file) : file_(std::move(file)) {}

  // `leader`: a child that was not reaped. One that leads no group is none of our business.
  Status add(pid_t leader);
  Status remove(pid_t leader);  // before it is reaped: the number is its own until then
  void clear();                 // nothing of ours runs

  struct Group {
    pid_t leader = 0;
    pid_t session = 0;
    uint64_t born = 0;  // starttime of proc(5)
    bool operator==(const Group&) const = default;
  };

 private:
  Status write() const;

  std::string file_;
  std::vector<Group> groups_;
};

struct Survivors {
  int ended = 0;
  int left = 0;  // could not be killed, or did not end in time
};
// Kills what an earlier run left behind, and waits until it is gone: it may hold a socket that we shall open. Only for
// the owner of the run folder's lock: another one that lives has a record too.
Survivors end_survivors(const std::string& file);
constexpr int kSurvivorsMs = 5'000;  // of a SIGKILL; a disk that hangs may hold one back

}  // namespace trimaran
