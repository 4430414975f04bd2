// The thread's files: small ones ready to send, large ones open, missing ones remembered for a moment (every request
// for an application looks for a file first). Looked at on the disk at most once a second each, so a changed file shows
// within a second and a busy one costs no system call. Bounded in bytes; the least recently used go first.
#pragma once

#include <sys/stat.h>

#include <array>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "front/cached_file.h"
#include "front/clock.h"
#include "os/fd.h"

namespace trimaran::front {

// A folder that files are served from, as one route sees it.
struct StaticRoot {
  std::string folder;         // absolute
  std::string cache_control;  // "" for none
  uint32_t id = 0;            // from FileCache::add_root()
  Fd fd;                      // opened anew every second, so that a folder may be replaced by another of the same name
  Millis opened = INT64_MIN / 2;
};

class FileCache {
 public:
  static constexpr size_t kBytesMax = 64 << 20;        // a thread's whole cache
  static constexpr int64_t kInMemoryMax = 128 * 1024;  // larger files go by sendfile(2)
  static constexpr size_t kOpenFileCost = 256 * 1024;  // what an open descriptor counts: at most 256 of them
  static constexpr size_t kEntryCost = 1024;           // what an entry counts beside its block
  static constexpr Millis kFreshMs = 1000;             // how long we believe what we saw on the disk
  static constexpr size_t kMissingSlots = 1024;
  static constexpr size_t kMissingPathMax = 256;  // longer missing paths are not remembered

  enum class Kind { file, directory, missing, unavailable };
  struct Found {
    Kind kind = Kind::missing;
    PinnedFile file;
  };

  explicit FileCache(const Clock& clock) : clock_(clock) {}

  uint32_t add_root() { return ++last_root_; }
  void remove_root(uint32_t id);
  // `path` decoded, begins with "/". What cannot be read is missing. Without a descriptor to look with, a file we know
  // is served as we know it, and another one is unavailable.
  Found find(StaticRoot& root, std::string_view path, Millis now);
  // Brings the Date in an unshared file's block up to the clock; false when a response still sends the block.
  bool freshen_date(CachedFile& file) const;
  size_t bytes() const { return bytes_; }

 private:
  struct KeyView {
    uint32_t root;
    std::string_view path;
    bool operator==(const KeyView&) const = default;
  };
  struct KeyHash {
    size_t operator()(const KeyView& key) const {
      return std::hash<std::string_view>()(key.path) ^ (key.root * 0x9e3779b97f4a7c15ull);
    }
  };
  struct Entry {
    uint32_t root;
    std::string path;
    PinnedFile file;
    Millis checked;
    size_t cost;
    KeyView key() const { return {root, path}; }
  };
  struct Missing {
    uint32_t root = 0;
    std::string path;
    Millis checked = 0;
  };
  using Entries = std::list<Entry>;

  Found look_on_disk(StaticRoot& root, std::string_view path, Millis now, Entry* known);
  PinnedFile load(const StaticRoot& root, std::string_view path, Fd fd, const struct ::stat& st) const;
  void build_block(CachedFile& file, const std::string& body) const;
  void insert(uint32_t root, std::string_view path, PinnedFile file, Millis now);
  void erase(Entries::iterator entry);
  Missing& missing_slot(const KeyView& key) { return missing_[KeyHash()(key) % kMissingSlots]; }

  const Clock& clock_;
  Entries entries_;                                                // the most recently used first
  std::unordered_map<KeyView, Entries::iterator, KeyHash> index_;  // the keys' text lives in the entries
  std::array<Missing, kMissingSlots> missing_;
  size_t bytes_ = 0;
  uint32_t last_root_ = 0;
};

}  // namespace trimaran::front
