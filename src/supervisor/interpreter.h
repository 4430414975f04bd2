// Which Python runs the application: the one its dependencies were installed for. Never a shim on PATH (pyenv's answers
// by the current folder), and never a libpython linked into us (facts: slower, and one version only).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace trimaran {

// The explicit one, else DIRECTORY/.venv/bin/python, DIRECTORY/venv/bin/python, VIRTUAL_ENV/bin/python (`virtual_env`
// is that variable, "" when unset), else /usr/bin/python3. An error says in one line what is missing and what to do.
Result<std::string> find_interpreter(const AppConfig& app, std::string_view virtual_env);

}  // namespace trimaran
