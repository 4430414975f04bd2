#include "supervisor/process_groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/strings.h"
#include "base/time.h"

namespace trimaran {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;  // 20,000 services
constexpr size_t kStatBytesMax = 4096;
constexpr size_t kEnvironmentBytesMax = 4 << 20;  // more than execve(2) takes

using Group = ProcessGroups::Group;

struct ProcessStat {
  char state = 0;
  pid_t group = 0;
  pid_t session = 0;
  uint64_t born = 0;
};

// proc(5). The name, in parentheses, may hold anything.
std::optional<ProcessStat> stat_of(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat", kStatBytesMax);
  size_t name_end = text ? text->rfind(')') : std::string::npos;
  if (name_end == std::string::npos) return std::nullopt;
  ProcessStat stat;
  unsigned long long born = 0;
  int read = std::sscanf(text->c_str() + name_end + 1,
                         " %c %*d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &stat.state,
                         &stat.group, &stat.session, &born);
  if (read != 4) return std::nullopt;
  stat.born = born;
  return stat;
}

bool runs(const ProcessStat& stat) { return stat.state != 'Z' && stat.state != 'X'; }

// Where the numbers of the record mean what they meant; "" if that cannot be known.
std::string place() {
  auto boot = read_file("/proc/sys/kernel/random/boot_id", 64);
  char space[64];
  ssize_t n = ::readlink("/proc/self/ns/pid", space, sizeof space);
  return boot && n > 0 ? std::string(trim(*boot)) + " " + std::string(space, static_cast<size_t>(n)) : std::string();
}

std::vector<Group> read_groups(const std::string& file) {
  std::vector<Group> groups;
  auto text = read_plain_file(file, kFileBytesMax);
  if (!text) return groups;
  auto lines = split(*text, '\n');
  if (lines.empty() || lines[0].empty() || lines[0] != place()) return groups;
  for (std::string_view line : lines) {
    Group group;
    unsigned long long born = 0;
    if (std::sscanf(std::string(line).c_str(), "%d %d %llu", &group.leader, &group.session, &born) != 3) continue;
    group.born = born;
    // Whoever started us from inside such a group lives in it, and so do we.
    if (group.leader > 1 && group.leader != ::getpgrp()) groups.push_back(group);
  }
  return groups;
}

// An environment that is there and names no site belongs to somebody else's program.
bool may_be_a_sites(pid_t pid) {
  constexpr std::string_view kMark = "TRIMARAN_SITE=";
  auto text = read_file("/proc/" + std::to_string(pid) + "/environ", kEnvironmentBytesMax);
  if (!text || text->find('=') == std::string::npos) return true;
  auto entries = split(*text, '\0');
  return std::any_of(entries.begin(), entries.end(), [&](std::string_view entry) { return entry.starts_with(kMark); });
}

bool is_of(const Group& group, pid_t pid) {
  auto stat = stat_of(pid);
  if (!stat || !runs(*stat) || stat->group != group.leader || stat->session != group.session) return false;
  auto leader = stat_of(group.leader);
  if (leader && leader->born != group.born) return false;
  return stat->born >= group.born && may_be_a_sites(pid);
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> out;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir("/proc"), ::closedir);
  while (dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    if (auto pid = parse_u64(entry->d_name); pid && *pid > 1) out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

// Held by a pidfd before it is looked at: what was looked at is what is killed.
std::vector<Fd> kill_members(const std::vector<Group>& groups) {
  std::vector<Fd> killed;
  for (pid_t pid : all_processes()) {
    auto stat = stat_of(pid);
    if (!stat) continue;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.leader == stat->group; });
    if (group == groups.end()) continue;
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd || !is_of(*group, pid)) continue;
    ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
    killed.push_back(std::move(pidfd));
  }
  return killed;
}

// Whether it ended before `end`.
bool await(const Fd& pidfd, int64_t end) {
  pollfd ended{pidfd.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(std::max<int64_t>(0, end - monotonic_ms()))) == 1;
}

}  // namespace

Status ProcessGroups::add(pid_t leader) {
  auto stat = stat_of(leader);
  if (!stat || stat->group != leader) return {};
  Group added{leader, stat->session, stat->born};
  if (std::find(groups_.begin(), groups_.end(), added) != groups_.end()) return {};
  std::erase_if(groups_, [&](const Group& group) { return group.leader == leader; });
  groups_.push_back(added);
  return write();
}

Status ProcessGroups::remove(pid_t leader) {
  if (std::erase_if(groups_, [&](const Group& group) { return group.leader == leader; }) == 0) return {};
  return write();
}

void ProcessGroups::clear() {
  groups_.clear();
  ::unlink(file_.c_str());
}

// In place: a reader comes only after our end, and a power cut ends what the file is about, so nothing is synced. Lines
// of one length: killed before the truncation, we leave old lines behind the new ones, never a piece of one.
Status ProcessGroups::write() const {
  std::string text = place() + "\n";
  for (const Group& group : groups_) {
    char line[64];
    std::snprintf(line, sizeof line, "%10d %10d %20llu\n", group.leader, group.session,
                  static_cast<unsigned long long>(group.born));
    text += line;
  }
  Fd file(::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file || ::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) {
    return errno_error("cannot write " + file_);
  }
  return {};
}

Survivors end_survivors(const std::string& file) {
  Survivors survivors;
  auto groups = read_groups(file);
  const int64_t end = monotonic_ms() + kSurvivorsMs;
  // Again, for those that were being born.
  while (!groups.empty()) {
    auto killed = kill_members(groups);
    if (killed.empty()) break;
    survivors.left =
        static_cast<int>(std::count_if(killed.begin(), killed.end(), [&](const Fd& fd) { return !await(fd, end); }));
    survivors.ended += static_cast<int>(killed.size()) - survivors.left;
    if (survivors.left > 0) break;
  }
  return survivors;
}

}  // namespace trimaran
