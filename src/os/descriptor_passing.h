// One descriptor on a stream socket (SCM_RIGHTS, unix(7)): it travels with the first byte of a write, and the read that
// takes that byte ends, at the latest, with the bytes of that write. So a short read says nothing about what still
// waits when a descriptor came with it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string_view>

#include "os/fd.h"

namespace trimaran {

// recvmsg(2) without waiting. `came`: a descriptor that came with the bytes, close-on-exec; an empty one when one was
// sent but this process could hold no more (EMFILE). More than one in a write are lost but for the first.
ssize_t receive_bytes(int socket, std::span<char> buffer, std::optional<Fd>& came);

// sendmsg(2) without waiting.
ssize_t send_bytes(int socket, std::string_view bytes, const Fd& descriptor);

}  // namespace trimaran
