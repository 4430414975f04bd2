#include "front/safe_open.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace trimaran::front {
namespace {

// O_NONBLOCK: a FIFO in the folder must not stop the thread; it means nothing for regular files.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Result<Fd> open_step_by_step(int folder, const std::string& path) {
  Fd at;
  int parent = folder;
  auto segments = split(path, '/');
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].empty()) continue;  // a trailing slash
    if (segments[i] == "..") return errno_error("cannot open a file", EXDEV);
    bool last = i + 1 == segments.size();
    Fd next(::openat(parent, std::string(segments[i]).c_str(),
                     last ? kFlags | O_NOFOLLOW : O_PATH | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY));
    if (!next) return errno_error("cannot open a file");
    at = std::move(next);
    parent = at.get();
  }
  if (!at) return errno_error("cannot open a file", ENOENT);
  return at;
}

}  // namespace

Result<Fd> open_beneath(int folder, const std::string& path) {
  open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; ++attempt) {
    auto fd = static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
    if (fd >= 0) return Fd(fd);
    // EAGAIN: something on the way was renamed at this very moment (openat2(2) says to try again).
    if ((errno == EAGAIN || errno == EINTR) && attempt < 8) continue;
    if (errno == ENOSYS || errno == EPERM) return open_step_by_step(folder, path);
    return errno_error("cannot open a file");
  }
}

}  // namespace trimaran::front
