// How a worker is started: its program, its environment, its folder. Everything a worker knows beyond its link is here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "os/process.h"
#include "supervisor/runtime.h"

namespace trimaran {

struct WorkerIdentity {
  std::string number;  // unique in one supervisor's life
  std::string database_url;
  int64_t max_requests = 0;  // after so many it asks for a successor; 0: never
};

// An error is one line that says what to repair: a missing interpreter, an unreadable env_file, a part of Trimaran that
// is not installed.
Result<SpawnOptions> worker_command(const Runtime& runtime, const SiteConfig& site, const WorkerIdentity& identity);

// What every process of the site finds in its environment, a hook as well as a worker: PATH and the like, DATABASE_URL,
// the env_files, TRIMARAN_SITE and TRIMARAN_RELEASE.
using Environment = std::map<std::string, std::string>;
Result<Environment> site_environment(const Runtime& runtime, const SiteConfig& site, const std::string& database_url);

// Any program of the site: in [app] directory, with this environment and its `own` values, as [app] user.
Result<SpawnOptions> site_command(const Runtime& runtime, const SiteConfig& site, const std::string& database_url,
                                  std::vector<std::string> argv, const Environment& own = {});

// The folder of Trimaran's Python package: beside an installed program (PREFIX/bin/trimaran) or in a build tree
// (build/dev/bin/trimaran).
Result<std::string> python_folder(const std::string& executable);

}  // namespace trimaran
