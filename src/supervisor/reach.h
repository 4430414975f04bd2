// Whether the user that the children become can get at what they need. A site in a folder of mode 0700 would otherwise
// start and fail for ever: found before anything starts, it is one line that names the folder. The kernel is asked, as
// that user: permission bits alone know nothing of ACLs, groups and read-only views.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "supervisor/runtime.h"

namespace trimaran {

struct Need {
  enum class Kind { enter, read, execute };
  std::string path;  // absolute; what does not exist (yet) is no problem here
  Kind kind = Kind::enter;
  std::string remedy;  // "move the site"
};

// The first step on the way to a path that the user may not take.
struct Obstacle {
  std::string path;  // a folder on the way, or the path itself
  unsigned mode = 0;
  const Need* need = nullptr;  // of the given ones
};

// Asks in a child process that becomes `user`; as root only. Call from a process with one thread.
Result<std::vector<Obstacle>> find_obstacles(const Credentials& user, const std::vector<Need>& needs);

// Everything that the children of this configuration need; an error has one line for each obstacle. Nothing is asked
// when the children are who we are.
Status check_reach(const Config& config, const Runtime& runtime);

}  // namespace trimaran
