// Diagnostics as the user reads them: with the line from the file, and paths as short as they would type them.
#include <fmt/format.h>

#include <filesystem>

#include "base/strings.h"
#include "config/config.h"

namespace trimaran {
namespace {

constexpr size_t kMaxShown = 50;  // nobody reads more before mending some
constexpr size_t kMaxLine = 200;  // a longer line is shown without its text, as the caret would be lost

// The line itself, or "" when there is none worth showing.
std::string_view source_line(const Diagnostic& diagnostic, const SourceBundle& sources) {
  const SourceBundle::File* file = sources.find(diagnostic.file);
  if (file == nullptr || diagnostic.line < 1) return {};
  std::string_view rest = file->text;
  for (int line = 1; line < diagnostic.line; ++line) {
    size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  std::string_view line = rest.substr(0, rest.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line.size() <= kMaxLine ? line : std::string_view{};
}

// A file below the current folder is called by its path from there; a daemon's "/" is no such folder.
std::string shown_path(const std::string& path) {
  std::error_code error;
  std::string here = std::filesystem::current_path(error).string();
  if (error || here == "/" || !path.starts_with(here + "/")) return path;
  return path.substr(here.size() + 1);
}

}  // namespace

std::string format_diagnostics(const Diagnostics& diagnostics, const SourceBundle& sources) {
  std::string out;
  for (size_t i = 0; i < diagnostics.size(); ++i) {
    if (i == kMaxShown) {
      out += fmt::format("... and {} more\n", diagnostics.size() - i);
      break;
    }
    Diagnostic shown = diagnostics[i];
    shown.file = shown_path(shown.file);
    out += format_diagnostic(shown, source_line(diagnostics[i], sources));
  }
  return out;
}

}  // namespace trimaran
