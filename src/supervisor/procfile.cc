#include "supervisor/procfile.h"

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "os/acting_as.h"
#include "os/fd.h"

namespace trimaran {
namespace {

bool is_name(std::string_view name) {
  auto good = [](char c) {
    return is_digit(c) || c == '-' || c == '_' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
  };
  return !name.empty() && name.size() <= kProcfileNameBytesMax && std::all_of(name.begin(), name.end(), good);
}

auto find_name(auto& lines, std::string_view name) {
  return std::find_if(lines.begin(), lines.end(), [&](const ProcessConfig& line) { return line.name == name; });
}

}  // namespace

std::vector<ProcessConfig> parse_procfile(std::string_view text) {
  std::vector<ProcessConfig> out;
  for (std::string_view line : split(text, '\n')) {
    size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_name(line.substr(0, colon))) continue;
    std::string_view run = trim(line.substr(colon + 1));
    if (run.empty() || run.find('\0') != std::string_view::npos) continue;
    auto same = find_name(out, line.substr(0, colon));
    if (same != out.end()) {
      same->run = run;
    } else if (out.size() < kProcfileLinesMax) {
      out.push_back({std::string(line.substr(0, colon)), std::string(run)});
    }
  }
  return out;
}

Result<std::vector<ProcessConfig>> read_procfile(const std::string& directory, const std::optional<Credentials>& user) {
  ActingAs reader(user);
  if (!reader.good()) return errno_error("cannot act as the user " + user->name);
  auto text = read_plain_file(directory + "/Procfile", kProcfileBytesMax);
  if (!text && text.error().os_errno == ENOENT) return std::vector<ProcessConfig>{};
  if (!text) return std::unexpected(text.error());
  return parse_procfile(*text);
}

std::string procfile_command(const std::vector<ProcessConfig>& lines, std::string_view name) {
  auto found = find_name(lines, name);
  return found == lines.end() ? "" : found->run;
}

std::vector<ProcessConfig> all_processes(const std::vector<ProcessConfig>& tables,
                                         const std::vector<ProcessConfig>& procfile) {
  std::vector<ProcessConfig> out = tables;
  for (const ProcessConfig& line : procfile) {
    if (line.name == "web" || line.name == "release") continue;
    if (find_name(tables, line.name) == tables.end()) out.push_back(line);
  }
  return out;
}

}  // namespace trimaran
