// Opens files below a folder and nowhere else. The kernel does the checking (openat2(2), RESOLVE_BENEATH): symlinks
// inside the folder work, whatever leads out of it fails, and there is no moment between check and use.
#pragma once

#include <string>

#include "base/result.h"
#include "os/fd.h"

namespace trimaran::front {

// `path` relative, without a leading slash. os_errno of the error: EXDEV when the path leads out of `folder`, ENOENT,
// ... On a kernel without openat2 (before 5.6, or hidden by a container's seccomp filter) every symlink is refused
// instead.
Result<Fd> open_beneath(int folder, const std::string& path);

}  // namespace trimaran::front
