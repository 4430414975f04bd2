#include "supervisor/interpreter.h"

#include <sys/stat.h>
#include <unistd.h>

#include <vector>

namespace trimaran {
namespace {

constexpr const char* kSystemPython = "/usr/bin/python3";

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

bool is_program(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<std::string> find_interpreter(const AppConfig& app, std::string_view virtual_env) {
  if (!app.interpreter.empty()) {
    if (is_program(app.interpreter)) return app.interpreter;
    return make_error("the interpreter " + app.interpreter + " ([app] interpreter) is not an executable file");
  }
  std::vector<std::string> environments = {app.directory + "/.venv", app.directory + "/venv"};
  if (!virtual_env.empty()) environments.emplace_back(virtual_env);
  for (const std::string& environment : environments) {
    std::string python = environment + "/bin/python";
    if (is_program(python)) return python;
    // A virtual environment whose Python is gone must not silently become the system's Python without its packages.
    if (exists(python)) {
      return make_error("the virtual environment " + environment + " is broken: " + python +
                        " does not lead to a program; create it again");
    }
  }
  if (is_program(kSystemPython)) return std::string(kSystemPython);
  return make_error("there is no Python: install the package python3, or set [app] interpreter");
}

}  // namespace trimaran
