// Opens a log by its path when we are root and the folder may be the application's, who could lead us to any other
// file: by a link, by a second name of that file, by a pipe that nobody reads.
#pragma once

#include <string>

#include "os/fd.h"

namespace trimaran {

// To append to; made if it is missing, closed to others (0640). Only a plain file with one name. The last part of
// `path`, which is absolute, may be no link; on the way root follows root's links only.
Result<Fd> open_log(const std::string& path);

}  // namespace trimaran
