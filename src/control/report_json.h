// The report of the supervisor as the JSON of GET /status, and as the table that `trimaran status` shows. The table is
// made from the JSON, not from the report: the command has only what the socket gave it, from any version of the
// daemon.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "supervisor/report.h"

namespace trimaran {

std::string report_json(const Report& report);

// Which daemon this is the status of.
struct DaemonIdentity {
  std::string site_file;
  int pid = 0;
};
// An error when `json` is not a status.
Result<DaemonIdentity> daemon_identity(std::string_view json);

struct StatusText {
  std::string text;
  bool degraded = false;  // something does not serve
};
// An error when `json` is not a status.
Result<StatusText> status_text(std::string_view json, bool colour);

}  // namespace trimaran
