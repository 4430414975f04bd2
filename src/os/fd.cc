#include "os/fd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace trimaran {
namespace {

Status write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("cannot write");
    content.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<std::string> read_all(int fd, size_t bytes_max) {
  std::string out;
  char buffer[65536];
  for (;;) {
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("cannot read");
    if (n == 0) return out;
    out.append(buffer, static_cast<size_t>(n));
    if (out.size() > bytes_max) return make_error("larger than the limit of " + std::to_string(bytes_max) + " bytes");
  }
}

}  // namespace

void Fd::reset() {
  // close(2): on Linux the descriptor is gone even after EINTR, so it is never retried.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<Fd> duplicate(const Fd& fd) {
  int copy = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return errno_error("cannot duplicate a descriptor");
  return Fd(copy);
}

Result<std::string> read_file(const std::string& path, size_t bytes_max) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error("cannot open " + path);
  auto content = read_all(fd.get(), bytes_max);
  if (!content) return std::unexpected(std::move(content.error()).with_context(path));
  return content;
}

Result<std::string> read_plain_file(const std::string& path, size_t bytes_max) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) != 0) return errno_error("cannot open " + path);
  if (!S_ISREG(st.st_mode)) return make_error(path + " is no plain file");
  auto content = read_all(fd.get(), bytes_max);
  if (!content) return std::unexpected(std::move(content.error()).with_context(path));
  return content;
}

Status write_file(const std::string& path, std::string_view content, unsigned mode) {
  std::string temporary = path + ".new";
  Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) return errno_error("cannot create " + temporary);
  Status written = write_all(fd.get(), content);
  if (written && ::fsync(fd.get()) != 0) written = errno_error("cannot sync");
  if (!written) {
    ::unlink(temporary.c_str());
    return std::unexpected(std::move(written.error()).with_context(temporary));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error("cannot rename " + temporary + " to " + path);
  return {};
}

Status make_directories(const std::string& path, unsigned mode) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return errno_error("cannot create the folder " + part);
  }
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return errno_error("cannot create the folder " + path);
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return errno_error("cannot look at " + path);
  if (!S_ISDIR(st.st_mode)) return make_error(path + " is not a folder");
  return {};
}

Result<Fd> make_memfd(const char* name, std::string_view content) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return errno_error("cannot create a memfd");
  if (Status written = write_all(fd.get(), content); !written) return std::unexpected(written.error());
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return errno_error("cannot seal a memfd");
  }
  return fd;
}

Result<std::string> read_memfd(const Fd& fd, size_t bytes_max) {
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) return errno_error("cannot rewind a memfd");
  return read_all(fd.get(), bytes_max);
}

}  // namespace trimaran
