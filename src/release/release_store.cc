#include "release/release_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/strings.h"
#include "base/time.h"
#include "release/copy_tree.h"
#include "release/release_id.h"
#include "release/unpack.h"

namespace trimaran::release {
namespace {

constexpr std::string_view kCard = ".card";
constexpr const char* kIncoming = "incoming";
constexpr const char* kTree = "tree";
constexpr const char* kArchive = "archive";
constexpr size_t kCardBytesMax = 16 * 1024;

Result<std::string> resolve(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
  if (!resolved) return errno_error("cannot read " + path);
  return std::string(resolved.get());
}

uint16_t random_number() {
  uint16_t number = 0;
  [[maybe_unused]] ssize_t n = ::getrandom(&number, sizeof number, 0);
  return number;
}

Result<Fd> make_folder(int at, const char* name) {
  if (::mkdirat(at, name, 0700) != 0) return errno_error(fmt::format("cannot create the folder {}", name));
  return open_folder(at, name);
}

// A copy of the archive first, which belongs to the user that unpacks it and does not change any more.
Status fill_from_archive(int incoming, const std::string& source, int tree, const TreeJob& job) {
  Fd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) return errno_error("cannot read " + source);
  Fd copy(::openat(incoming, kArchive, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!copy) return errno_error("cannot create the copy of " + source);
  if (Status copied = copy_bytes(from.get(), copy.get(), source, job); !copied) return copied;
  if (job.owner) {
    for (int fd : {copy.get(), tree}) {
      if (::fchown(fd, job.owner->uid, job.owner->gid) != 0)
        return errno_error("cannot give files to " + job.owner->name);
    }
  }
  return unpack(copy.get(), source, tree, job);
}

// "source=/home/me/shop" and so on, one a line.
std::string card_of(const Release& release) {
  return fmt::format("source={}\nmade_at={}\nfiles={}\nbytes={}\n", escape_for_log(release.source), release.made_at,
                     release.files, release.bytes);
}

void read_card(const std::string& path, Release& release) {
  auto text = read_plain_file(path, kCardBytesMax);
  if (!text) return;
  for (std::string_view line : split(*text, '\n')) {
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view key = line.substr(0, equals), value = line.substr(equals + 1);
    if (key == "source") release.source = value;
    if (key == "made_at") release.made_at = static_cast<int64_t>(parse_u64(value).value_or(0));
    if (key == "files") release.files = parse_u64(value).value_or(0);
    if (key == "bytes") release.bytes = parse_u64(value).value_or(0);
  }
}

// A name in the open folder: its path may lead elsewhere by now.
std::string path_in(int folder, const std::string& name) { return fmt::format("/proc/self/fd/{}/{}", folder, name); }

}  // namespace

// The site's folder belongs to the application: what lies there under our name must be ours.
Result<Fd> ReleaseStore::open() const {
  if (::mkdir(folder_.c_str(), 0755) != 0 && errno != EEXIST) return errno_error("cannot create the folder " + folder_);
  auto folder = open_folder(AT_FDCWD, folder_);
  struct stat st {};
  if (!folder) return folder;
  if (::fstat(folder->get(), &st) != 0) return errno_error("cannot look at " + folder_);
  if (st.st_uid != ::geteuid()) return make_error(folder_ + " belongs to another user; remove it");
  ::fchmod(folder->get(), 0755);
  return folder;
}

Result<Added> ReleaseStore::add(const std::string& source, const std::vector<std::string>& apart,
                                const TreeJob& job) const {
  auto from = resolve(source);
  if (!from) return std::unexpected(from.error());
  auto folder = open();
  if (!folder) return std::unexpected(folder.error());
  std::vector<Release> releases = list();
  if (Status cleaned = clean(folder->get()); !cleaned) return std::unexpected(cleaned.error());

  auto incoming = make_folder(folder->get(), kIncoming);
  auto size = incoming ? fill(incoming->get(), *from, apart, job) : std::unexpected(incoming.error());
  Added added;
  if (size) {
    Release& release = added.release;
    release.made_at = wall_seconds();
    release.id = make_release_id(release.made_at, releases.empty() ? "" : releases.front().id, random_number());
    release.folder = folder_of(release.id);
    release.source = *from;
    release.files = size->files;
    release.bytes = size->bytes;
    added.skipped = std::move(size->skipped);
    if (::renameat(incoming->get(), kTree, folder->get(), release.id.c_str()) != 0 || ::fsync(folder->get()) != 0) {
      size = errno_error("cannot name the release " + release.id);
    }
  }
  Status removed = remove_tree(folder->get(), kIncoming);
  if (!size) return std::unexpected(size.error());
  if (!removed) return std::unexpected(removed.error());
  return added;
}

Result<TreeSize> ReleaseStore::fill(int incoming, const std::string& source, const std::vector<std::string>& apart,
                                    const TreeJob& job) const {
  auto tree = make_folder(incoming, kTree);
  if (!tree) return std::unexpected(tree.error());
  struct stat st {};
  if (::stat(source.c_str(), &st) != 0) return errno_error("cannot read " + source);
  std::vector<std::string> skipped;
  if (S_ISDIR(st.st_mode)) {
    std::vector<std::string> excluded = apart;
    excluded.push_back(folder_);
    auto copied = copy_tree({source, std::move(excluded)}, tree->get(), job);
    if (!copied) return copied;
    skipped = std::move(copied->skipped);
  } else if (S_ISREG(st.st_mode) && is_archive(source)) {
    if (Status done = fill_from_archive(incoming, source, tree->get(), job); !done) {
      return std::unexpected(done.error());
    }
  } else {
    return make_error(source + " is no folder and no archive (.tar, .tar.gz, .tgz, .tar.zst, .tar.xz, .zip)");
  }
  auto size = settle_tree(tree->get(), job);
  if (!size) return size;
  if (size->files == 0) return make_error(source + " is empty");
  if (::syncfs(tree->get()) != 0) return errno_error("cannot write the release to the disk");
  size->skipped = std::move(skipped);
  return size;
}

Status ReleaseStore::write_card(const Release& release) const {
  auto folder = open();
  if (!folder) return std::unexpected(folder.error());
  const std::string card = path_in(folder->get(), release.id + std::string(kCard));
  if (Status written = write_file(card, card_of(release)); !written) return written;
  if (::fsync(folder->get()) != 0) return errno_error("cannot write " + folder_ + " to the disk");
  return {};
}

Status ReleaseStore::set_current(const std::string& id) const {
  auto folder = open();
  if (!folder) return std::unexpected(folder.error());
  if (id.empty()) {
    if (::unlinkat(folder->get(), "current", 0) != 0 && errno != ENOENT) {
      return errno_error("cannot remove " + folder_ + "/current");
    }
  } else {
    std::vector<std::string> names = history();
    auto served = std::find(names.begin(), names.end(), id);
    names.erase(names.begin(), served == names.end() ? names.begin() : served + 1);
    names.insert(names.begin(), id);
    if (names.size() > kHistoryMax) names.resize(kHistoryMax);
    Status written = write_file(path_in(folder->get(), "current"), fmt::format("{}\n", fmt::join(names, "\n")));
    if (!written) return written;
  }
  if (::fsync(folder->get()) != 0) return errno_error("cannot write " + folder_ + " to the disk");
  return {};
}

Result<std::string> ReleaseStore::current() const {
  auto text = read_plain_file(folder_ + "/current", kCardBytesMax);
  // ENOTDIR: where the state folder should be there is a file; who makes the folder says so.
  if (!text && (text.error().os_errno == ENOENT || text.error().os_errno == ENOTDIR)) return "";
  if (!text) return text;
  std::string id(text->substr(0, text->find('\n')));
  if (!is_release_id(id)) return make_error(folder_ + "/current is damaged: it names no release");
  if (!is_good(id)) return make_error(folder_ + "/current names the release " + id + ", which is not there");
  return id;
}

std::string ReleaseStore::previous() const {
  std::vector<std::string> names = history();
  for (size_t i = 1; i < names.size(); ++i) {
    if (is_good(names[i])) return names[i];
  }
  return "";
}

std::vector<std::string> ReleaseStore::history() const {
  std::vector<std::string> out;
  std::string text = read_plain_file(folder_ + "/current", kCardBytesMax).value_or("");
  for (std::string_view line : split(text, '\n')) {
    if (is_release_id(line)) out.emplace_back(line);
  }
  return out;
}

bool ReleaseStore::is_good(const std::string& id) const {
  return ::access((folder_of(id) + std::string(kCard)).c_str(), F_OK) == 0 && open_folder(AT_FDCWD, folder_of(id));
}

std::vector<Release> ReleaseStore::list() const {
  std::vector<Release> out;
  auto folder = open_folder(AT_FDCWD, folder_);
  if (!folder) return out;  // nothing was deployed yet
  std::string serves = current().value_or("");
  // What cannot be read is not listed.
  (void)each_entry(folder->get(), "", [&](const std::string& name, const struct stat& st) -> Status {
    if (!S_ISDIR(st.st_mode) || !is_release_id(name) || !is_good(name)) return {};
    Release release{.id = name, .folder = folder_of(name), .current = name == serves};
    read_card(folder_of(name) + std::string(kCard), release);
    out.push_back(std::move(release));
    return {};
  });
  std::sort(out.begin(), out.end(), [](const Release& a, const Release& b) { return a.id > b.id; });
  return out;
}

Status ReleaseStore::remove(const std::string& id) const {
  auto folder = open();
  if (!folder) return std::unexpected(folder.error());
  // The card first: a folder without one is cleaned up later, a card without a folder is nothing either.
  if (Status removed = remove_tree(folder->get(), id + std::string(kCard)); !removed) return removed;
  return remove_tree(folder->get(), id);
}

Result<int> ReleaseStore::prune(int keep, const std::set<std::string>& used) const {
  int removed = 0, seen = 0;
  for (const Release& release : list()) {
    if (++seen <= keep || release.current || used.contains(release.id)) continue;
    if (Status gone = remove(release.id); !gone) return std::unexpected(gone.error());
    ++removed;
  }
  return removed;
}

// Looked at name by name, not by list(): what that could not read would be removed here.
Status ReleaseStore::clean(int folder) const {
  auto there = [folder](const std::string& name) {
    return ::faccessat(folder, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
  };
  return each_entry(folder, folder_, [&](const std::string& name, const struct stat&) -> Status {
    std::string id = name.substr(0, name.find('.')), card = id + std::string(kCard);
    bool good = is_release_id(id) && (name == id || name == card) && there(id) && there(card);
    return good || name == "current" ? Status() : remove_tree(folder, name);
  });
}

}  // namespace trimaran::release
