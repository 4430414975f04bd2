#include "front/file_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "front/mime.h"
#include "front/safe_open.h"

namespace trimaran::front {
namespace {

int64_t modified_ns(const struct stat& st) { return st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec; }

// Before Linux 6.13 a file's time is the tick in which it was written, 10 ms at most: a file read within that time may
// be written again and look the same.
bool may_change_unseen(int64_t modified_ns) {
  constexpr int64_t kTickNs = 20'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);  // the clock that file systems take their times from
  return now.tv_sec * 1'000'000'000 + now.tv_nsec - modified_ns < kTickNs;
}

bool is_same(const CachedFile& file, const struct stat& st) {
  return file.device == st.st_dev && file.inode == st.st_ino && file.size == st.st_size &&
         file.modified_ns == modified_ns(st);
}

bool read_whole(int fd, std::string& body) {
  size_t at = 0;
  while (at < body.size()) {
    ssize_t n = ::pread(fd, body.data() + at, body.size() - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

FileCache::Found FileCache::find(StaticRoot& root, std::string_view path, Millis now) {
  KeyView key{root.id, path};
  auto known = index_.find(key);
  if (known != index_.end()) {
    Entry& entry = *known->second;
    if (now - entry.checked < kFreshMs) {
      if (known->second != entries_.begin()) entries_.splice(entries_.begin(), entries_, known->second);
      return {Kind::file, entry.file};
    }
    return look_on_disk(root, path, now, &entry);
  }
  const Missing& slot = missing_slot(key);
  if (slot.root == root.id && now - slot.checked < kFreshMs && slot.path == path) return {};
  return look_on_disk(root, path, now, nullptr);
}

namespace {

// Errors that say something about the path. All others (no descriptor or memory left, a disk that fails) say something
// about the machine, and a file must not be called missing for them.
bool names_nothing(int os_errno) {
  for (int about_path : {ENOENT, ENOTDIR, EACCES, EPERM, ELOOP, EXDEV, ENAMETOOLONG, ENXIO, ENODEV, EINVAL}) {
    if (os_errno == about_path) return true;
  }
  return false;
}

}  // namespace

FileCache::Found FileCache::look_on_disk(StaticRoot& root, std::string_view path, Millis now, Entry* known) {
  // A machine in need says nothing about a file: what we last saw of it is the best answer there is.
  auto unavailable = [known] { return known ? Found{Kind::file, known->file} : Found{Kind::unavailable, {}}; };
  if (now - root.opened >= kFreshMs) {
    root.fd = Fd(::open(root.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root.fd) return names_nothing(errno) ? Found{} : unavailable();
    root.opened = now;
  }
  std::string relative(path.substr(1));
  Result<Fd> fd = open_beneath(root.fd.get(), relative.empty() ? "." : relative);
  struct stat st {};
  bool readable = fd && ::fstat(fd->get(), &st) == 0;
  if (readable && known && !known->file->fresh && S_ISREG(st.st_mode) && is_same(*known->file, st)) {
    known->checked = now;
    return {Kind::file, known->file};
  }
  if (!fd && !names_nothing(fd.error().os_errno)) return unavailable();
  if (known) erase(index_.find(known->key())->second);
  if (readable && S_ISDIR(st.st_mode)) return {Kind::directory, {}};
  // A path that ends in a slash names no file; openat2 says ENOTDIR for it anyway.
  if (readable && S_ISREG(st.st_mode)) {
    if (PinnedFile file = load(root, path, std::move(*fd), st)) {
      insert(root.id, path, file, now);
      return {Kind::file, file};
    }
    return {};  // in the middle of a change: the next request looks again
  }
  if (path.size() <= kMissingPathMax) {
    Missing& slot = missing_slot({root.id, path});
    slot.root = root.id;
    slot.path = path;
    slot.checked = now;
  }
  return {};
}

PinnedFile FileCache::load(const StaticRoot& root, std::string_view path, Fd fd, const struct stat& st) const {
  PinnedFile file(new CachedFile);
  file->device = st.st_dev;
  file->inode = st.st_ino;
  file->size = st.st_size;
  file->modified_ns = modified_ns(st);
  file->fresh = may_change_unseen(file->modified_ns);
  file->etag = fmt::format("\"{:x}-{:x}\"", st.st_size, file->modified_ns);
  file->last_modified = http_date(st.st_mtim.tv_sec);
  file->type = mime_type(path);
  file->cache_control = root.cache_control;
  if (st.st_size > kInMemoryMax) {
    file->fd = std::move(fd);
    return file;
  }
  std::string body(static_cast<size_t>(st.st_size), '\0');
  if (!read_whole(fd.get(), body)) return {};
  // A file that changed while it was read is half old, half new: it is missing until the next look.
  struct stat after {};
  if (::fstat(fd.get(), &after) != 0 || !is_same(*file, after)) return {};
  if (file->fresh) file->etag.insert(1, fmt::format("{:x}-", std::hash<std::string_view>()(body)));
  build_block(*file, body);
  return file;
}

void FileCache::build_block(CachedFile& file, const std::string& body) const {
  std::string head = "HTTP/1.1 200 OK\r\nDate: ";
  file.date_at = head.size();
  file.date_second = clock_.second();
  head += clock_.http_date();
  fmt::format_to(std::back_inserter(head),
                 "\r\nServer: trimaran\r\nContent-Type: {}\r\nContent-Length: {}\r\nLast-Modified: {}\r\nETag: {}\r\n"
                 "Accept-Ranges: bytes\r\n",
                 file.type, file.size, file.last_modified, file.etag);
  if (!file.cache_control.empty())
    fmt::format_to(std::back_inserter(head), "Cache-Control: {}\r\n", file.cache_control);
  head += "\r\n";
  file.head_size = head.size();
  file.block.reserve(head.size() + body.size());
  file.block = head;
  file.block += body;
}

bool FileCache::freshen_date(CachedFile& file) const {
  if (file.date_second == clock_.second()) return true;
  // The cache's pin and the caller's: nobody else reads the block.
  if (file.pins > 2) return false;
  std::memcpy(file.block.data() + file.date_at, clock_.http_date().data(), clock_.http_date().size());
  file.date_second = clock_.second();
  return true;
}

void FileCache::insert(uint32_t root, std::string_view path, PinnedFile file, Millis now) {
  size_t cost = kEntryCost + path.size() + file->block.size() + (file->fd ? kOpenFileCost : 0);
  entries_.push_front(Entry{root, std::string(path), std::move(file), now, cost});
  index_[entries_.front().key()] = entries_.begin();
  bytes_ += cost;
  while (bytes_ > kBytesMax && entries_.size() > 1) erase(std::prev(entries_.end()));
}

void FileCache::erase(Entries::iterator entry) {
  index_.erase(entry->key());
  bytes_ -= entry->cost;
  entries_.erase(entry);
}

void FileCache::remove_root(uint32_t id) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    auto next = std::next(entry);
    if (entry->root == id) erase(entry);
    entry = next;
  }
}

}  // namespace trimaran::front
