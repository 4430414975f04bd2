// Whether any front may still send requests to a program that has no link to us: a pipe, whose write end every front
// gets with the target and closes when it is done with it. We keep that end too as long as there may be new fronts;
// once we have let go of ours, the read end says (end of file) when the last front has.
#pragma once

#include "base/result.h"
#include "os/fd.h"

namespace trimaran {

class Lease {
 public:
  Lease() = default;  // none
  static Result<Lease> make();
  static Lease adopt(Fd end, Fd given);  // through an upgrade of the program

  explicit operator bool() const { return static_cast<bool>(end_); }
  Result<Fd> give() const { return duplicate(given_); }
  // No more fronts will get it: from now on fd() becomes readable when all are done.
  void close_giving() { given_.reset(); }
  bool giving() const { return static_cast<bool>(given_); }
  int fd() const { return end_.get(); }
  int given_fd() const { return given_.get(); }

 private:
  Fd end_, given_;
};

}  // namespace trimaran
