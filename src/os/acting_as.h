// A moment as another user, for root at work in that user's folders: whatever lies there, a link to any file of the
// machine too, it leads to no more than he may do himself.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "os/process.h"

namespace trimaran {

// From here to its end this thread, and no other, has the effective user, group and groups of `user`; nothing happens
// without one. The C library's seteuid(3) was rejected: it changes every thread, and a deploy that copies files beside
// us would lose its rights in the middle.
class ActingAs {
 public:
  explicit ActingAs(const std::optional<Credentials>& user);
  ~ActingAs();
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  // False: we could not become him. Reads errno, so ask first.
  bool good() const { return good_; }

 private:
  std::vector<gid_t> groups_;  // ours, to come back to
  bool acting_ = false;
  bool good_ = true;
};

}  // namespace trimaran
