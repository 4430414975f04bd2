// A folder copied file by file into a release. Hard links and reflinks to the source were rejected: an editor that
// writes in place, or a checkout that goes on, would change what is being served.
#pragma once

#include <string>
#include <vector>

#include "release/tree.h"

namespace trimaran::release {

struct CopySource {
  std::string path;                // of a folder, without links in it (realpath(3))
  std::vector<std::string> apart;  // folders that are left out where they lie in it: the state folder
};

// Copies what lies in the source into the empty folder `target`. Left out: version control (.git, .hg, .svn),
// __pycache__, and what is no file, folder or link. An absolute link into the source becomes a relative one. A file
// that changes while it is read is an error: nobody could say what was deployed.
Result<TreeSize> copy_tree(const CopySource& source, int target, const TreeJob& job);

// Copies one open file, `name` is for messages.
Status copy_bytes(int from, int to, const std::string& name, const TreeJob& job);

}  // namespace trimaran::release
