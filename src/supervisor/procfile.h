// The Procfile of an application: which programs it consists of, one line each, as foreman and its relatives read it:
//   web: ./server --port $PORT
//   jobs: python3 jobs.py
// `web` is what run = "http:" starts; the others are its [[process]]es.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "os/process.h"

namespace trimaran {

constexpr size_t kProcfileBytesMax = 64 * 1024;
constexpr size_t kProcfileLinesMax = 64;  // as many as there may be [[process]]es; what comes after them is left out
constexpr size_t kProcfileNameBytesMax = 32;  // as that of a [[process]]

// The lines in their order; of two with one name the last one counts. What is no such line is passed over, as all
// readers of this form do: it has no syntax errors.
std::vector<ProcessConfig> parse_procfile(std::string_view text);

// The Procfile in `directory`, [app] directory, as `user` may read it (we are root then): the folder is his, and what a
// link in it leads to would be run, and so be shown, in his name. Nothing when there is none. An error: it is there and
// cannot be read.
Result<std::vector<ProcessConfig>> read_procfile(const std::string& directory,
                                                 const std::optional<Credentials>& user = std::nullopt);

// The command of the line `name`; "" when there is none.
std::string procfile_command(const std::vector<ProcessConfig>& lines, std::string_view name);

// All processes of a site: each [[process]], and each line of the Procfile that has another name. Not `web`, which
// answers requests, and not `release`, which is run once before a switch and never beside the application.
std::vector<ProcessConfig> all_processes(const std::vector<ProcessConfig>& tables,
                                         const std::vector<ProcessConfig>& procfile);

}  // namespace trimaran
