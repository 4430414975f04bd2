// What the control socket can be asked about releases.
//   POST /deploy?source=PATH[&site=DOMAIN][&canary=10]
//   POST /rollback[?site=DOMAIN][&release=ID]
//   POST /promote[?site=DOMAIN]
//   GET  /releases[?site=DOMAIN]
// The first three answer 409 when nothing was begun; otherwise 200 and a line of JSON for each step while it happens,
// {"say": TEXT}, and at the end {"exit_code": 0 or 1, "message": TEXT}. A client that goes away changes nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/control_api.h"
#include "supervisor/deploy.h"

namespace trimaran {

// The value of --canary, "10%" or "10": 1 to 99. The command reads it too: what is no share is a mistake of whoever
// typed it, also when no daemon runs.
Result<int> read_canary(std::string_view text);

// Whether the path is one of the first three.
bool is_change(std::string_view path);

// Begins it, or refuses it at once; its listener's done() may come before this returns.
Status begin_change(Deployer& deployer, std::string_view path, std::string_view query, DeployListener listener);

// GET /releases.
ControlAnswer answer_releases(const Deployer& deployer, std::string_view query);

// The lines of the answer, each with its "\n".
std::string said_line(std::string_view text);
std::string outcome_line(const DeployOutcome& outcome);

// The client's side: what one line is. An error when it is neither.
struct ChangeLine {
  std::string text;
  std::optional<int> exit_code;  // of the last one
};
Result<ChangeLine> read_change_line(std::string_view line);

// The table that `trimaran releases` shows. An error when `json` is not an answer of GET /releases.
Result<std::string> releases_text(std::string_view json);

}  // namespace trimaran
