#include "release/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>

namespace trimaran::release {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string link_target(int folder, const std::string& name) {
  char target[PATH_MAX];
  ssize_t n = ::readlinkat(folder, name.c_str(), target, sizeof target);
  return n > 0 ? std::string(target, static_cast<size_t>(n)) : std::string();
}

class Settling {
 public:
  Settling(int root, const TreeJob& job) : root_(root), job_(job) {}

  Result<TreeSize> run() {
    if (Status done = folder(root_, "", 0); !done) return std::unexpected(done.error());
    return std::move(size_);
  }

 private:
  // The content first, the folder last: once it belongs to the owner, names in it may change under us.
  Status folder(int fd, const std::string& path, int depth) {
    Status done = each_entry(fd, path, [&](const std::string& name, const struct stat& st) -> Status {
      ++size_.files;
      size_.bytes += S_ISREG(st.st_mode) ? static_cast<uint64_t>(st.st_size) : 0;
      if (Status may = check_job(job_, size_, depth); !may) return may;
      std::string inner = path.empty() ? name : path + "/" + name;
      if (S_ISDIR(st.st_mode)) {
        auto child = open_folder(fd, name);
        return child ? folder(child->get(), inner, depth + 1) : std::unexpected(child.error());
      }
      if (S_ISLNK(st.st_mode)) return link(fd, name, inner);
      if (S_ISREG(st.st_mode)) return file(fd, name, inner);
      return make_error(inner + " is no file, folder or link");
    });
    if (!done) return done;
    struct stat st {};
    if (::fstat(fd, &st) != 0 || ::fchmod(fd, (st.st_mode & 0755) | 0750) != 0) {
      return errno_error("cannot change the mode of the folder /" + path);
    }
    if (job_.owner && ::fchown(fd, job_.owner->uid, job_.owner->gid) != 0) {
      return errno_error("cannot give the folder /" + path + " to " + job_.owner->name);
    }
    return {};
  }

  // Held before it is looked at: what unpacked it may still have processes, and a link in its place by now would lead
  // our chmod(2) to any file of the machine.
  Status file(int folder, const std::string& name, const std::string& path) {
    Fd held(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat st {};
    if (!held || ::fstat(held.get(), &st) != 0) return errno_error("cannot look at " + path);
    if (!S_ISREG(st.st_mode)) return make_error(path + " changed while it was looked at");
    if (job_.owner && ::fchownat(held.get(), "", job_.owner->uid, job_.owner->gid, AT_EMPTY_PATH) != 0) {
      return errno_error("cannot give " + path + " to " + job_.owner->name);
    }
    // fchmod(2) takes no descriptor of this kind; its name in /proc leads to this file and to no other.
    const std::string same = "/proc/self/fd/" + std::to_string(held.get());
    if (::chmod(same.c_str(), (st.st_mode & 0755) | 0640) != 0) return errno_error("cannot change the mode of " + path);
    return {};
  }

  // The kernel follows the whole chain, and says when it leaves the tree (openat2(2)). A link to nothing stays: it
  // cannot show what is not there.
  Status link(int folder, const std::string& name, const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    Fd reached(static_cast<int>(::syscall(SYS_openat2, root_, path.c_str(), &how, sizeof how)));
    if (!reached && errno == EXDEV && !is_interpreter(folder, name)) {
      return make_error("the link " + path + " leads out of the release, to " + link_target(folder, name) +
                        "; put the file itself there, or a link inside the folder");
    }
    return give(folder, name, path);
  }

  // bin/python3 -> /usr/bin/python3, with pyvenv.cfg beside bin.
  static bool is_interpreter(int folder, const std::string& name) {
    return name.starts_with("python") && ::faccessat(folder, "../pyvenv.cfg", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }

  Status give(int folder, const std::string& name, const std::string& path) {
    if (!job_.owner) return {};
    if (::fchownat(folder, name.c_str(), job_.owner->uid, job_.owner->gid, AT_SYMLINK_NOFOLLOW) == 0) return {};
    return errno_error("cannot give " + path + " to " + job_.owner->name);
  }

  int root_;
  const TreeJob& job_;
  TreeSize size_;
};

// However deep the tree is, one folder of it is open at a time: a folder in a folder is moved beside the first one, and
// has its turn later. Its depth is the application's to choose, and would be our stack's and our descriptors'. Going
// back by ".." was rejected: that is wherever somebody has moved the folder meanwhile.
class Removal {
 public:
  Removal(int at, std::string name) : at_(at), left_{std::move(name)} {}

  Status run() {
    while (!left_.empty()) {
      std::string name = std::move(left_.back());
      left_.pop_back();
      if (Status removed = remove(name); !removed) return removed;
    }
    return {};
  }

 private:
  Status remove(const std::string& name) {
    if (::unlinkat(at_, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return errno_error("cannot remove " + name);
    auto folder = open_folder(at_, name);
    if (!folder) return std::unexpected(folder.error());
    ::fchmod(folder->get(), 0700);  // it may have lost its own permissions
    Status emptied = each_entry(folder->get(), name, [&](const std::string& inner, const struct stat& st) {
      return S_ISDIR(st.st_mode) ? remove_folder(folder->get(), inner) : remove_file(folder->get(), inner);
    });
    if (!emptied) return emptied;
    if (::unlinkat(at_, name.c_str(), AT_REMOVEDIR) != 0) return errno_error("cannot remove the folder " + name);
    return {};
  }

  static Status remove_file(int folder, const std::string& name) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return errno_error("cannot remove " + name);
  }

  Status remove_folder(int folder, const std::string& name) {
    if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (auto moved = open_folder(folder, name)) ::fchmod(moved->get(), 0700);  // or only root could move it
    for (;;) {
      std::string beside = ".removed-" + std::to_string(++moved_);
      if (::renameat2(folder, name.c_str(), at_, beside.c_str(), RENAME_NOREPLACE) == 0) {
        left_.push_back(std::move(beside));
        return {};
      }
      if (errno != EEXIST) return errno_error("cannot remove the folder " + name);
    }
  }

  int at_;
  std::vector<std::string> left_;  // names in at_
  uint64_t moved_ = 0;
};

}  // namespace

Result<Fd> open_folder(int at, const std::string& name) {
  Fd fd(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return errno_error("cannot open the folder " + name);
  return fd;
}

Status each_entry(int folder, const std::string& path, const OnEntry& entry) {
  const std::string shown = path.empty() ? "the folder" : "the folder " + path;
  // A descriptor of its own: fdopendir(3) takes it, and dup(2) would share the position.
  int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, CloseFolder> list(own >= 0 ? ::fdopendir(own) : nullptr);
  if (!list) return errno_error("cannot read " + shown);
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(list.get());
    if (!found && errno != 0) return errno_error("cannot read " + shown);
    if (!found) return {};
    std::string name = found->d_name;
    if (name == "." || name == "..") continue;
    struct stat st {};
    if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone since it was listed
      return errno_error("cannot look at " + (path.empty() ? name : path + "/" + name));
    }
    if (Status done = entry(name, st); !done) return done;
  }
}

Status remove_tree(int at, const std::string& name) {
  Removal removal(at, name);
  return removal.run();
}

Result<TreeSize> settle_tree(int root, const TreeJob& job) { return Settling(root, job).run(); }

Status check_job(const TreeJob& job, const TreeSize& size, int depth) {
  if (job.stop.stop_requested()) return make_error("cancelled");
  if (size.files > job.limits.files) return make_error("more than " + std::to_string(job.limits.files) + " files");
  if (size.bytes > job.limits.bytes) return make_error("more than " + std::to_string(job.limits.bytes) + " bytes");
  if (depth > job.limits.depth) return make_error("more than " + std::to_string(job.limits.depth) + " folders deep");
  return {};
}

}  // namespace trimaran::release
