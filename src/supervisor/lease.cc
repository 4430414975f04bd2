#include "supervisor/lease.h"

#include <fcntl.h>
#include <unistd.h>

namespace trimaran {

Result<Lease> Lease::make() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno_error("cannot create a lease");
  return adopt(Fd(ends[0]), Fd(ends[1]));
}

Lease Lease::adopt(Fd end, Fd given) {
  Lease lease;
  lease.end_ = std::move(end);
  lease.given_ = std::move(given);
  return lease;
}

}  // namespace trimaran
