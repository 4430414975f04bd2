#include "supervisor/shell_command.h"

#include <algorithm>
#include <iterator>

#include "base/strings.h"

namespace trimaran {
namespace {

// What a program in PATH is not, or not the same: `exec` may not stand before it. dash(1), and the reserved words of a
// POSIX shell.
constexpr std::string_view kShellWords[] = {
    ".",        ":",       "[",     "alias",   "bg",    "break", "case",   "cd",     "chdir", "command",
    "continue", "do",      "echo",  "eval",    "exec",  "exit",  "export", "false",  "fc",    "fg",
    "for",      "getopts", "hash",  "if",      "jobs",  "kill",  "local",  "printf", "pwd",   "read",
    "readonly", "return",  "set",   "shift",   "test",  "then",  "time",   "times",  "trap",  "true",
    "type",     "ulimit",  "umask", "unalias", "unset", "until", "wait",   "while"};

std::string_view first_word(std::string_view run) { return run.substr(0, run.find_first_of(" \t")); }

// Careful, not clever: what is taken for more than it is costs one idle shell.
bool is_plain(std::string_view run) {
  if (run.find_first_of(";&|(){}!\n`") != std::string_view::npos) return false;
  std::string_view word = first_word(run);
  if (word.find('=') != std::string_view::npos) return false;
  return std::find(std::begin(kShellWords), std::end(kShellWords), word) == std::end(kShellWords);
}

}  // namespace

std::vector<std::string> shell_command(std::string_view run) {
  run = trim(run);
  std::string line = is_plain(run) ? exec_command(run) : "trap 'exit 143' TERM; " + std::string(run);
  return {"/bin/sh", "-c", std::move(line)};
}

std::string exec_command(std::string_view run) {
  run = trim(run);
  return (first_word(run) == "exec" ? "" : "exec ") + std::string(run);
}

}  // namespace trimaran
