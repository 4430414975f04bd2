// Where the database programs are: on PATH, or in the sbin folders that an ordinary user's PATH does not have.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace trimaran {

// The absolute path of `program`, or an error that names the Debian package to install.
Result<std::string> find_program(std::string_view program, std::string_view package);

}  // namespace trimaran
