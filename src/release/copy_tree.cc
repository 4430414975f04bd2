#include "release/copy_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace trimaran::release {
namespace {

constexpr size_t kChunkBytes = 256 * 1024;  // a cancelled copy ends after one
constexpr const char* kLeftOut[] = {".git", ".hg", ".svn", "__pycache__"};

bool same_moment(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

Status write_whole(int fd, const char* bytes, size_t size, const std::string& name) {
  while (size > 0) {
    ssize_t n = ::write(fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("cannot write the copy of " + name);
    bytes += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

class Copy {
 public:
  Copy(const CopySource& source, const TreeJob& job) : source_(source.path), job_(job) {
    for (const std::string& path : source.apart) {
      struct stat st {};
      if (::stat(path.c_str(), &st) == 0) apart_.push_back({st.st_dev, st.st_ino});
    }
  }

  Result<TreeSize> run(int target) {
    auto from = open_folder(AT_FDCWD, source_);
    if (!from) return std::unexpected(from.error());
    if (Status done = folder(from->get(), target, "", 0); !done) return std::unexpected(done.error());
    return std::move(size_);
  }

 private:
  struct Identity {
    dev_t device;
    ino_t inode;
  };

  Status folder(int from, int to, const std::string& path, int depth) {
    return each_entry(from, path, [&](const std::string& name, const struct stat& st) -> Status {
      std::string inner = path.empty() ? name : path + "/" + name;
      if (is_left_out(name, st)) return {};
      ++size_.files;
      if (Status may = check_job(job_, size_, depth); !may) return may;
      if (S_ISREG(st.st_mode)) return file(from, to, name, inner);
      if (S_ISLNK(st.st_mode)) return link(from, to, name, inner, depth);
      if (!S_ISDIR(st.st_mode)) return skip(inner);
      if (::mkdirat(to, name.c_str(), 0700) != 0) return errno_error("cannot create the copy of " + inner);
      auto child_from = open_folder(from, name), child_to = open_folder(to, name);
      if (!child_from) return errno_error("cannot open the folder " + inner, child_from.error().os_errno);
      if (!child_to) return std::unexpected(child_to.error());
      return folder(child_from->get(), child_to->get(), inner, depth + 1);
    });
  }

  bool is_left_out(const std::string& name, const struct stat& st) const {
    if (std::find(std::begin(kLeftOut), std::end(kLeftOut), name) != std::end(kLeftOut)) return true;
    return S_ISDIR(st.st_mode) && std::any_of(apart_.begin(), apart_.end(), [&](const Identity& apart) {
             return apart.device == st.st_dev && apart.inode == st.st_ino;
           });
  }

  // A socket or a pipe belongs to a process, not to a release.
  Status skip(const std::string& path) {
    --size_.files;
    if (size_.skipped.size() < TreeSize::kSkippedMax) size_.skipped.push_back(path);
    return {};
  }

  Status file(int from, int to, const std::string& name, const std::string& path) {
    // O_NONBLOCK: a pipe that took the file's place must not hold us.
    Fd source(::openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat before {
    }, after{};
    if (!source || ::fstat(source.get(), &before) != 0) return errno_error("cannot read " + path);
    size_.bytes += static_cast<uint64_t>(before.st_size);
    Fd copy(::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, before.st_mode & 0700));
    if (!copy) return errno_error("cannot create the copy of " + path);
    if (Status done = copy_bytes(source.get(), copy.get(), path, job_); !done) return done;
    if (::fstat(source.get(), &after) != 0) return errno_error("cannot read " + path);
    if (before.st_size != after.st_size || !same_moment(before.st_mtim, after.st_mtim)) {
      return make_error(path + " changed while it was copied; deploy when nothing writes to the folder");
    }
    // Last-Modified and ETag of a file that did not change stay the same from release to release.
    const timespec times[] = {before.st_atim, before.st_mtim};
    ::futimens(copy.get(), times);
    return {};
  }

  Status link(int from, int to, const std::string& name, const std::string& path, int depth) {
    char buffer[PATH_MAX];
    ssize_t n = ::readlinkat(from, name.c_str(), buffer, sizeof buffer);
    if (n <= 0) return errno_error("cannot read the link " + path);
    std::string target(buffer, static_cast<size_t>(n));
    if (target == source_ || target.starts_with(source_ + "/")) {
      std::string up;
      for (int i = 0; i < depth; ++i) up += "../";
      target = up + "." + target.substr(source_.size());
    }
    if (::symlinkat(target.c_str(), to, name.c_str()) != 0) return errno_error("cannot create the copy of " + path);
    return {};
  }

  std::string source_;
  const TreeJob& job_;
  std::vector<Identity> apart_;
  TreeSize size_;
};

}  // namespace

Result<TreeSize> copy_tree(const CopySource& source, int target, const TreeJob& job) {
  return Copy(source, job).run(target);
}

Status copy_bytes(int from, int to, const std::string& name, const TreeJob& job) {
  std::string buffer(kChunkBytes, '\0');
  TreeSize copied;
  for (;;) {
    ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("cannot read " + name);
    if (n == 0) return {};
    copied.bytes += static_cast<uint64_t>(n);  // a file that grows without end
    if (Status may = check_job(job, copied, 0); !may) return may;
    if (Status written = write_whole(to, buffer.data(), static_cast<size_t>(n), name); !written) return written;
  }
}

}  // namespace trimaran::release
