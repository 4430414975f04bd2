#include "os/acting_as.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "base/assert.h"

namespace trimaran {
namespace {

// The effective id alone: -1 leaves the others.
bool become(long call, uint32_t id) { return ::syscall(call, -1, id, -1) == 0; }

bool set_groups(const std::vector<gid_t>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

std::vector<gid_t> own_groups() {
  std::vector<gid_t> groups(static_cast<size_t>(::getgroups(0, nullptr)));
  TRIMARAN_ASSERT(::getgroups(static_cast<int>(groups.size()), groups.data()) == static_cast<int>(groups.size()));
  return groups;
}

}  // namespace

ActingAs::ActingAs(const std::optional<Credentials>& user) {
  if (!user) return;
  groups_ = own_groups();
  acting_ = true;
  good_ = set_groups({}) && become(SYS_setresgid, user->gid) && become(SYS_setresuid, user->uid);
}

// Who cannot come back must not go on.
ActingAs::~ActingAs() {
  if (!acting_) return;
  TRIMARAN_ASSERT(become(SYS_setresuid, 0) && become(SYS_setresgid, 0) && set_groups(groups_));
}

}  // namespace trimaran
