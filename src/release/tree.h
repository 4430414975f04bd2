// What is done to whole folder trees: look, remove, make fit to be served. Everything goes by descriptor and name
// (openat(2)), never by a long path: parts of the way belong to the application's user, who may put a link where a
// folder was, and the supervisor is root. std::filesystem was rejected for that reason.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "os/fd.h"

namespace trimaran::release {

// A release larger than this is a mistake (a dump, a disk image, an archive bomb), and is refused before it fills the
// disk.
struct TreeLimits {
  uint64_t files = 500'000;      // folders and links count too; two large node_modules have 200,000
  uint64_t bytes = 16ull << 30;  // of the files' content
  int depth = 64;                // folders in folders; one descriptor is open for each
};

struct TreeSize {
  uint64_t files = 0, bytes = 0;
  std::vector<std::string> skipped;  // paths that were left out, at most kSkippedMax of them

  static constexpr size_t kSkippedMax = 20;  // they are shown to a person
};

// Whose a release is: the application's user, so that a hook can write into it, and the front's group, so that the
// front can read its static files.
struct Ownership {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

// What every long operation is given: who owns the result, how large it may be, and whether it shall end early.
struct TreeJob {
  std::optional<Ownership> owner;  // nothing: files stay ours
  TreeLimits limits;
  std::stop_token stop;
};

// The folder `name` below descriptor `at` (AT_FDCWD for a path); never through a link in its last part.
Result<Fd> open_folder(int at, const std::string& name);

// Calls `entry` for each name in the folder but . and .., in no order. The first error ends it.
using OnEntry = std::function<Status(const std::string& name, const struct stat& st)>;
Status each_entry(int folder, const std::string& path, const OnEntry& entry);

// A file, a folder with all that is in it, or nothing: afterwards it is gone. Ended in the middle, folders named
// .removed-N may lie beside it.
Status remove_tree(int at, const std::string& name);

// Refuses what must not be served: links that lead out of the tree, devices, more than the limits. Then gives all of it
// to the owner, readable by owner and group, writable by the owner, without set-user-id bits. One link out is allowed:
// the interpreter of a virtual environment (beside a pyvenv.cfg), which is always the machine's.
Result<TreeSize> settle_tree(int root, const TreeJob& job);

// "cancelled" when the job shall end, an error when `size` is beyond the limits, otherwise nothing.
Status check_job(const TreeJob& job, const TreeSize& size, int depth);

}  // namespace trimaran::release
