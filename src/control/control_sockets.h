// The control sockets of the daemons that run on this machine, for a site file that does not say where its own is: it
// has a mistake just there, or names another run folder than the daemon was started with. The kernel's list of
// listening sockets was chosen over a file that each daemon would leave at a known place: it has no stale entries, and
// needs no folder that every user may write to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trimaran {

constexpr size_t kControlSocketsMax = 64;  // that are asked; more daemons on one machine are found by their files only

// The paths in `text`, which is /proc/net/unix (proc(5)), that have a listener and the name of a control socket.
std::vector<std::string> control_sockets_in(std::string_view text);

// Those on this machine that belong to our own user: what another user's says is not to be believed.
std::vector<std::string> own_control_sockets();

}  // namespace trimaran
