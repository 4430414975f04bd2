#include "supervisor/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace trimaran {
namespace {

constexpr size_t kHolderBytesMax = 8 * 1024;  // a path has at most 4096

}  // namespace

LockFile::~LockFile() { release(); }

Result<LockFile> LockFile::take(const std::string& path, std::string_view holder) {
  for (;;) {
    LockFile lock;
    lock.fd_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.fd_) return errno_error("cannot open " + path);
    if (::flock(lock.fd_.get(), LOCK_EX | LOCK_NB) != 0) return errno_error("cannot lock " + path);
    // Its last owner may have removed the file between our open and our lock: then we hold a lock on nothing.
    struct stat ours {
    }, there{};
    if (::fstat(lock.fd_.get(), &ours) != 0 || ::stat(path.c_str(), &there) != 0 || ours.st_ino != there.st_ino)
      continue;
    lock.path_ = path;
    // What a killed owner left behind goes first.
    if (::ftruncate(lock.fd_.get(), 0) != 0 ||
        ::write(lock.fd_.get(), holder.data(), holder.size()) != static_cast<ssize_t>(holder.size())) {
      return errno_error("cannot write " + path);
    }
    return lock;
  }
}

LockFile LockFile::adopt(Fd fd, std::string path) {
  LockFile lock;
  lock.fd_ = std::move(fd);
  lock.path_ = std::move(path);
  return lock;
}

std::string LockFile::holder(const std::string& path) { return read_file(path, kHolderBytesMax).value_or(""); }

void LockFile::release() {
  if (!fd_) return;
  ::unlink(path_.c_str());
  fd_.reset();
}

}  // namespace trimaran
