#include "supervisor/open_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>

namespace trimaran {
namespace {

constexpr mode_t kMode = 0640;

constexpr int kLinksMax = 40;  // on the way to one file; as path_resolution(7) has it

Result<std::string> read_link(const Fd& link) {
  char target[PATH_MAX];
  ssize_t n = ::readlinkat(link.get(), "", target, sizeof target);
  if (n <= 0 || n == sizeof target) return make_error("cannot read a link");
  return std::string(target, static_cast<size_t>(n));
}

// The folder of a path, step by step: the kernel would follow everybody's links.
class Way {
 public:
  explicit Way(const std::string& path) : rest_(path) {}

  Result<Fd> folder() {
    Fd at;
    for (std::string name = "/"; !name.empty(); name = next()) {
      Fd step(::openat(at.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      struct stat st {};
      if (!step || ::fstat(step.get(), &st) != 0) return errno_error("cannot enter " + shown_);
      if (!S_ISLNK(st.st_mode)) {
        at = std::move(step);
        continue;
      }
      if (::geteuid() == 0 && st.st_uid != 0) return make_error(shown_ + " is a link of another user");
      auto target = read_link(step);
      if (!target) return std::unexpected(target.error());
      if (++links_ > kLinksMax) return make_error(shown_ + " is a link that leads to itself");
      rest_ = *target + "/" + rest_;
      if (target->starts_with('/')) at = Fd(::open("/", O_PATH | O_CLOEXEC));
    }
    return at;
  }
  // The last name, once the folder is known.
  const std::string& name() const { return rest_; }

 private:
  // "" when only the last name is left.
  std::string next() {
    for (;;) {
      size_t slash = rest_.find('/');
      if (slash == std::string::npos) return "";
      std::string name = rest_.substr(0, slash);
      rest_.erase(0, slash + 1);
      if (name.empty()) continue;
      shown_ += "/" + name;
      return name;
    }
  }

  std::string rest_;   // of the path
  std::string shown_;  // how far we have come, as it is written
  int links_ = 0;
};

}  // namespace

// O_NONBLOCK is for the open of a pipe, which would wait for its reader.
Result<Fd> open_log(const std::string& path) {
  Way way(path);
  auto folder = way.folder();
  if (!folder) return std::unexpected(std::move(folder.error()).with_context("cannot open the log " + path));
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  Fd fd(::openat(folder->get(), way.name().c_str(), kFlags, kMode));
  if (!fd) return errno_error("cannot open the log " + path);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return errno_error("cannot look at the log " + path);
  if (!S_ISREG(st.st_mode) || st.st_nlink > 1) return make_error("the log " + path + " is no plain file of its own");
  return fd;
}

}  // namespace trimaran
