// The role `front`: the process that serves HTTP. It knows nothing but what the supervisor sends it over the role link
// (role/role.h) and has nothing but the sockets that come with it.
#pragma once

#include "os/message_socket.h"

namespace trimaran::front {

// Serves until it is drained (0) or the supervisor is gone (0), or cannot start (1).
int run_front(MessageSocket link);

// The process: run_front() on the link that every child of the supervisor inherits.
int front_main();

}  // namespace trimaran::front
