// A file descriptor with one owner.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace trimaran {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

Result<Fd> duplicate(const Fd& fd);  // close-on-exec
Result<std::string> read_file(const std::string& path, size_t bytes_max = 64 << 20);
// The same where another user may have put a pipe in its place, which would hold us for ever.
Result<std::string> read_plain_file(const std::string& path, size_t bytes_max);
// Whole or not at all: written beside `path`, fsynced, renamed over it.
Status write_file(const std::string& path, std::string_view content, unsigned mode = 0644);
// Creates the folder and its missing parents; it is no error that it exists.
Status make_directories(const std::string& path, unsigned mode = 0755);
// A sealed memfd (memfd_create(2)) that holds `content`; readers use read_memfd.
Result<Fd> make_memfd(const char* name, std::string_view content);
Result<std::string> read_memfd(const Fd& fd, size_t bytes_max = 64 << 20);

}  // namespace trimaran
