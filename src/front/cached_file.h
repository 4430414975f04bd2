// One file as the front serves it. Small files are kept whole with their response head before them, in one piece of
// memory: the fastest answer is one send(2) of memory that is ready. Large ones are kept as an open descriptor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "os/fd.h"

namespace trimaran::front {

struct CachedFile {
  // Who it is: a change of any of these makes a new CachedFile.
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified_ns = 0;
  bool fresh = false;  // written so shortly before it was read that another write may not change the above

  std::string etag;           // strong: "size-mtime" in hexadecimal, with quotes; a fresh file's also has a hash
  std::string last_modified;  // IMF-fixdate
  std::string_view type;      // MIME type
  std::string cache_control;  // "" for none

  // Small files: the whole 200 response of HTTP/1.1 with keep-alive; the body begins at head_size. Empty for large
  // ones.
  std::string block;
  size_t head_size = 0;
  size_t date_at = 0;
  int64_t date_second = 0;  // of the Date in `block`

  Fd fd;  // large files

  bool in_memory() const { return head_size > 0; }
  int64_t modified_s() const { return modified_ns / 1'000'000'000; }
  std::string_view body() const { return std::string_view(block).substr(head_size); }

  int pins = 0;  // PinnedFiles; the cache itself holds one
};

// Shared ownership within one thread, counted in the file: a response under way keeps its file when the cache drops
// it. std::shared_ptr would pay for atomics and a control block on the hottest path there is.
class PinnedFile {
 public:
  PinnedFile() = default;
  explicit PinnedFile(CachedFile* file) : file_(file) {
    if (file_) ++file_->pins;
  }
  PinnedFile(const PinnedFile& other) : PinnedFile(other.file_) {}
  PinnedFile(PinnedFile&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  PinnedFile& operator=(PinnedFile other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~PinnedFile() {
    if (file_ && --file_->pins == 0) delete file_;
  }

  void reset() { *this = PinnedFile(); }
  explicit operator bool() const { return file_ != nullptr; }
  CachedFile* operator->() const { return file_; }
  CachedFile& operator*() const { return *file_; }

 private:
  CachedFile* file_ = nullptr;
};

}  // namespace trimaran::front
