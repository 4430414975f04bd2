#include "supervisor/file_watch.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace trimaran {
namespace {

constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

constexpr std::string_view kIgnoredNames[] = {".git",          ".hg",         ".svn",        "__pycache__",
                                              "node_modules",  ".venv",       "venv",        ".trimaran",
                                              ".pytest_cache", ".mypy_cache", ".ruff_cache", "4913"};  // vim's probe
constexpr std::string_view kIgnoredEnds[] = {
    "~",       ".pyc",    ".swp",    ".swx",        ".tmp",     ".log",     ".pid",         ".db",
    ".db-wal", ".db-shm", ".sqlite", ".db-journal", ".sqlite3", "-journal", ".sqlite3-wal", ".sqlite3-shm"};

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

bool is_ignored(std::string_view name) {
  return name.starts_with(".#") ||
         std::find(std::begin(kIgnoredNames), std::end(kIgnoredNames), name) != std::end(kIgnoredNames) ||
         std::any_of(std::begin(kIgnoredEnds), std::end(kIgnoredEnds), [&](auto end) { return name.ends_with(end); });
}

FileWatch::FileWatch(EventLoop& loop, std::vector<std::string> ignored,
                     std::function<void(const std::string&)> on_change)
    : ignored_(std::move(ignored)), on_change_(std::move(on_change)), loop_(loop), watch_(loop), quiet_(loop) {}

Status FileWatch::watch(const std::string& folder) {
  inotify_ = Fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_) return errno_error("cannot watch files");
  add_tree(folder, 0);
  if (folders_.empty()) return make_error("cannot watch the folder " + folder);
  watch_.watch(inotify_.get(), [this] { read_events(); });
  return {};
}

bool FileWatch::is_left_out(const std::string& path, std::string_view name) const {
  return is_ignored(name) || std::find(ignored_.begin(), ignored_.end(), path) != ignored_.end();
}

void FileWatch::add_tree(const std::string& folder, int depth) {
  if (folders_.size() >= kFoldersMax || depth > kDepthMax) {
    complete_ = false;
    return;
  }
  int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
  if (watch < 0) {  // gone again, or no folder; otherwise the kernel's own limit
    complete_ = complete_ && (errno == ENOENT || errno == ENOTDIR || errno == EACCES);
    return;
  }
  folders_[watch] = folder;
  std::unique_ptr<DIR, CloseFolder> entries(::opendir(folder.c_str()));
  if (!entries) return;
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    std::string path = folder + "/" + entry->d_name;
    if (!is_left_out(path, name)) add_tree(path, depth + 1);
  }
}

void FileWatch::read_events() {
  alignas(inotify_event) char buffer[16 * 1024];
  for (ssize_t n; (n = ::read(inotify_.get(), buffer, sizeof buffer)) > 0;) {
    for (const char* at = buffer; at < buffer + n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      at += sizeof *event + event->len;
      on_event(event->wd, event->mask, event->len > 0 ? std::string_view(event->name) : std::string_view());
    }
  }
}

void FileWatch::on_event(int watch, uint32_t mask, std::string_view name) {
  if ((mask & IN_Q_OVERFLOW) != 0) return changed("more files than can be named");
  auto folder = folders_.find(watch);
  if (folder == folders_.end()) return;
  if ((mask & IN_IGNORED) != 0) return void(folders_.erase(folder));
  std::string path = folder->second + "/" + std::string(name);
  if (name.empty() || is_left_out(path, name)) return;
  if ((mask & IN_ISDIR) != 0 && (mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
    add_tree(path, static_cast<int>(std::count(path.begin(), path.end(), '/') -
                                    std::count(folders_.begin()->second.begin(), folders_.begin()->second.end(), '/')));
  }
  changed(path);
}

void FileWatch::changed(const std::string& path) {
  if (first_.empty()) {
    first_ = path;
    noisy_since_ = loop_.now();
  }
  Millis left = noisy_since_ + kNoisyMsMax - loop_.now();
  quiet_.set(std::clamp<Millis>(left, 0, kQuietMs), [this] { on_change_(std::exchange(first_, {})); });
}

}  // namespace trimaran
