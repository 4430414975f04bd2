// A command line of the site file as a process that can be told to end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trimaran {

// The arguments of /bin/sh for `run`. One plain command takes the shell's place: its process id is the program's. A
// line with more in it ("cd jobs && ./run", "a | b", "KEY=1 ./run", "exit 3") needs the shell, which would die of
// SIGTERM at once and leave its command behind: this one waits for it. So the signal goes to the whole process group
// (service.h), as systemd sends it.
std::vector<std::string> shell_command(std::string_view run);

// `run`, which must be one plain command, in the shell's place whatever the shell does before. It may say so itself.
std::string exec_command(std::string_view run);

}  // namespace trimaran
