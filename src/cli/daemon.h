// The daemon of a site file, as the verbs that talk to it find it.
#pragma once

#include <expected>
#include <string>

#include "base/result.h"
#include "control/control_client.h"

namespace trimaran {

// Where the daemon of this site file is found.
struct Daemon {
  std::string file;
  std::string socket;
};

// The daemon that answers, proved to be this site file's: the run folder of root is one for the whole machine.
struct Running {
  Daemon daemon;
  int pid = 0;
  std::string status;  // JSON
};

// "error: ..." on stderr; kExitFailed.
int complain(const Error& error);

// In all of these an error is an exit code: it has been printed.
//
// The daemon is found where the file says. One that says nothing, because it is no TOML any more, or says something
// else than when the daemon was started, is asked for among all daemons of our user.
std::expected<Running, int> find_running(const std::string& option);
std::expected<ControlReply, int> ask(const Daemon& daemon, const std::string& method, const std::string& path,
                                     int wait_ms = kControlWaitMs);
// What ask() says when nothing came back.
std::unexpected<int> unanswered(const Daemon& daemon, const Error& error);

}  // namespace trimaran
