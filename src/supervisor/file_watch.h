// Says when a file in a folder, or below it, has changed: for [app] dev. inotify(7), one watch a folder.
//
// Rejected: to look at the times of all files every second, as most reloaders do: it never rests, and it is late.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "supervisor/watch.h"

namespace trimaran {

class FileWatch {
 public:
  static constexpr size_t kFoldersMax = 4'096;  // the kernel's default allows a user 8,192 watches in all
  static constexpr int kDepthMax = 32;
  // An editor's "save all" or a `git checkout` is many changes, and one new start: they are told together once it has
  // been quiet for so long, or has not been for too long.
  static constexpr Millis kQuietMs = 150;
  static constexpr Millis kNoisyMsMax = 2'000;

  // `ignored`: absolute folders that are left out, besides those that is_ignored() names.
  FileWatch(EventLoop& loop, std::vector<std::string> ignored, std::function<void(const std::string& path)> on_change);

  // An error: the folder cannot be watched. Folders beyond the limits are not watched, and complete() says so.
  Status watch(const std::string& folder);
  bool complete() const { return complete_; }

 private:
  void add_tree(const std::string& folder, int depth);
  void read_events();
  void on_event(int watch, uint32_t mask, std::string_view name);
  void changed(const std::string& path);
  bool is_left_out(const std::string& path, std::string_view name) const;

  std::vector<std::string> ignored_;
  std::function<void(const std::string&)> on_change_;
  Fd inotify_;
  std::map<int, std::string> folders_;  // by watch descriptor
  bool complete_ = true;
  std::string first_;  // of the changes that were not told yet
  Millis noisy_since_ = 0;
  EventLoop& loop_;
  ReadWatch watch_;
  Alarm quiet_;
};

// What nobody edits: version control, caches, dependencies, databases, logs, the traces of editors.
bool is_ignored(std::string_view name);

}  // namespace trimaran
