#include "base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>

namespace trimaran {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"debug ", "info ", "warning ", "error "};

// The one process-wide setting: a log that had to be handed through every constructor would not be used.
std::atomic<LogLevel>& level_setting() {
  static std::atomic<LogLevel> level = [] {
    const char* wanted = std::getenv("TRIMARAN_LOG");
    return wanted && std::string_view(wanted) == "debug" ? LogLevel::debug : LogLevel::info;
  }();
  return level;
}

}  // namespace

void set_log_level(LogLevel level) { level_setting() = level; }

void log_line(LogLevel level, std::string_view message) {
  if (level < level_setting()) return;
  std::string line(kNames[static_cast<size_t>(level)]);
  for (char c : message) {
    if (c == '\n')
      line += " | ";
    else
      line += c;
  }
  line += '\n';
  // A log that cannot be written must not stop the site.
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace trimaran
