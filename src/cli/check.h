// `trimaran check`: is the configuration good, and what does it say?
#pragma once

#include <string>

namespace trimaran {

// Reads `file` and everything it names. A good configuration: a summary on stdout, 0. Otherwise every mistake on
// stderr, 2. Warnings go to stderr. With `json`, one object on stdout either way:
// {"ok", "file", "diagnostics": [...], "warnings": [...], "sites": [...]}.
int run_check(const std::string& file, bool json);

}  // namespace trimaran
