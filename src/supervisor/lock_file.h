// flock(2) on a file: one daemon for one state. The kernel lets go of it when we die, however we die.
#pragma once

#include <string>
#include <string_view>

#include "os/fd.h"

namespace trimaran {

class LockFile {
 public:
  LockFile() = default;
  LockFile(LockFile&&) = default;
  LockFile& operator=(LockFile&&) = default;
  ~LockFile();

  // At once or not at all; os_errno is EWOULDBLOCK when another process has it. `holder` is written into the file: it
  // tells the next one who has the lock.
  static Result<LockFile> take(const std::string& path, std::string_view holder = "");
  // Goes on holding a lock that this process took before it became another program.
  static LockFile adopt(Fd fd, std::string path);
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  // What the process that has the lock wrote; "" when it has not done so yet, or may not be asked.
  static std::string holder(const std::string& path);
  explicit operator bool() const { return static_cast<bool>(fd_); }
  // Removes the file and lets go.
  void release();

 private:
  Fd fd_;
  std::string path_;
};

}  // namespace trimaran
