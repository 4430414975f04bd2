#include "db/programs.h"

#include <unistd.h>

#include <cstdlib>

#include "base/strings.h"

namespace trimaran {

Result<std::string> find_program(std::string_view program, std::string_view package) {
  const char* path = std::getenv("PATH");
  std::string folders = std::string(path ? path : "/usr/local/bin:/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin";
  for (std::string_view folder : split(folders, ':')) {
    if (folder.empty() || folder[0] != '/') continue;
    std::string file = std::string(folder) + "/" + std::string(program);
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return make_error(std::string(program) + " is not installed; install the package " + std::string(package) +
                    " (apt install " + std::string(package) + ")");
}

}  // namespace trimaran
