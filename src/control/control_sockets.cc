#include "control/control_sockets.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "os/fd.h"

namespace trimaran {
namespace {

constexpr size_t kListBytesMax = 16 << 20;  // of some 100,000 sockets
constexpr std::string_view kName = "/control.sock";
constexpr std::string_view kListens = "00010000";  // __SO_ACCEPTCON of the kernel's include/linux/net.h
constexpr size_t kFieldsBeforePath = 7;            // Num RefCount Protocol Flags Type St Inode
constexpr size_t kFlags = 3;

std::string_view take_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

std::vector<std::string> control_sockets_in(std::string_view text) {
  std::vector<std::string> found;
  for (std::string_view line : split(text, '\n')) {
    if (!line.ends_with(kName)) continue;
    bool listens = false;
    for (size_t field = 0; field < kFieldsBeforePath; ++field) {
      std::string_view word = take_word(line);
      if (field == kFlags) listens = word == kListens;
    }
    if (!listens || !line.starts_with(" /") || found.size() == kControlSocketsMax) continue;
    found.emplace_back(line.substr(1));
  }
  return found;
}

std::vector<std::string> own_control_sockets() {
  auto text = read_file("/proc/net/unix", kListBytesMax);
  if (!text) return {};
  std::vector<std::string> found = control_sockets_in(*text);
  std::erase_if(found, [](const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode) || info.st_uid != ::geteuid();
  });
  return found;
}

}  // namespace trimaran
