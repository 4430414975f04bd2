// [app] env_file: the secrets of an application as KEY=value lines, the form that docker, systemd and dotenv share.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace trimaran {

// Empty lines and lines that start with # are skipped, a leading "export " is dropped, one pair of quotes around the
// value is removed; nothing is expanded. An error names the line.
Result<std::map<std::string, std::string>> parse_env_file(std::string_view text);

}  // namespace trimaran
