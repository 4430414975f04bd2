// Apart from role.cc, so that the Python extension takes this object alone into itself and no event loop.
#include <fcntl.h>

#include "role/role.h"

namespace trimaran {

MessageSocket inherited_link() {
  ::fcntl(kRoleLinkFd, F_SETFD, FD_CLOEXEC);
  return MessageSocket(Fd(kRoleLinkFd));
}

}  // namespace trimaran
