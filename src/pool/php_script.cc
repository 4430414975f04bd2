#include "pool/php_script.h"

#include <sys/stat.h>

#include <climits>
#include <cstdlib>

#include "base/strings.h"

namespace trimaran::pool {
namespace {

constexpr size_t kSegmentsMax = 64;  // of a path; each costs a stat(2)

bool is_script(std::string_view segment) { return segment.size() > 4 && segment.ends_with(".php"); }

// What no script is called: "", hidden names, "..".
bool is_plain(std::string_view segment) { return !segment.empty() && segment.front() != '.'; }

// "" when there is no such file.
std::string real_path(const std::string& path) {
  char buffer[PATH_MAX];
  return ::realpath(path.c_str(), buffer) ? std::string(buffer) : std::string();
}

}  // namespace

PhpScripts::PhpScripts(std::string folder) : folder_(std::move(folder)), real_folder_(real_path(folder_) + "/") {}

PhpScript PhpScripts::find(std::string_view raw) const {
  auto decoded = percent_decode(raw);
  // A slash that was encoded separates nothing; a path with one is the front controller's business.
  bool odd = !decoded || !decoded->starts_with('/') || decoded->find('\0') != std::string::npos ||
             raw.find("%2F") != std::string_view::npos || raw.find("%2f") != std::string_view::npos;
  if (odd) return script("/index.php", "");
  const std::string& path = *decoded;
  auto segments = split(std::string_view(path).substr(1), '/');
  std::string at;
  for (size_t i = 0; i < segments.size() && i < kSegmentsMax; ++i) {
    if (i + 1 == segments.size() && segments[i].empty()) break;  // the final slash of a folder
    if (!is_plain(segments[i])) return script("/index.php", "");
    at.append("/").append(segments[i]);
    switch (kind_of(at)) {
      case Kind::missing:
        return script("/index.php", "");
      case Kind::file:
        // The first file on the way decides: a script runs with the rest as PATH_INFO, anything else never does.
        if (!is_script(segments[i]) || !is_inside(at)) return script("/index.php", "");
        return script(at, path.substr(at.size()));
      case Kind::folder:
        break;
    }
  }
  std::string index = at + "/index.php";
  if (!at.empty() && kind_of(index) == Kind::file && is_inside(index)) return script(index, "");
  return script("/index.php", "");
}

PhpScripts::Kind PhpScripts::kind_of(const std::string& relative) const {
  struct stat info {};
  if (::stat((folder_ + relative).c_str(), &info) != 0) return Kind::missing;
  return S_ISDIR(info.st_mode) ? Kind::folder : S_ISREG(info.st_mode) ? Kind::file : Kind::missing;
}

bool PhpScripts::is_inside(const std::string& relative) const {
  return real_path(folder_ + relative).starts_with(real_folder_);
}

PhpScript PhpScripts::script(std::string name, std::string path_info) const {
  std::string file = folder_ + name;
  return {std::move(name), std::move(path_info), std::move(file)};
}

}  // namespace trimaran::pool
