// What every part of the supervisor shares: the loop, the log, and who and where we are.
#pragma once

#include <optional>
#include <string>

#include "os/event_loop.h"
#include "os/process.h"
#include "supervisor/log_pump.h"

namespace trimaran {

class LogFiles;
class ProcessGroups;

struct Runtime {
  EventLoop& loop;
  LogSink& log;
  std::string executable;                 // our own absolute path: the children are other verbs of it
  Credentials app_user;                   // whom front, nameserver and workers run as
  std::optional<Credentials> drop;        // app_user when we are root and must become it; nothing otherwise
  std::string started_from = executable;  // the path that we were started by, absolute: a link, perhaps, moved since

  LogFiles* outputs = nullptr;  // of [app] log
  ProcessGroups* groups = nullptr;

  void say(std::string_view text) const { log.line("trimaran", text); }
};

}  // namespace trimaran
