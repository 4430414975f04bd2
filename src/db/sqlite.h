// The default database: one file in the site's state folder, made ready before the application starts.
// Write-ahead logging is a property of the file, so it is set here, once. What belongs to a connection
// (synchronous=FULL so that an acknowledged commit survives a power cut, foreign_keys, busy_timeout) is each
// connection's own: the C++ API sets it, Python applications do.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "os/process.h"

namespace trimaran {

std::string sqlite_file(const std::string& site_state_dir);

// Creates the file in WAL mode, closed to other users (0640), if it does not exist; as `owner` when given (we are root
// then). One that exists is left alone: it is the application's.
Status prepare_sqlite(const std::string& file, const std::optional<Credentials>& owner);

}  // namespace trimaran
