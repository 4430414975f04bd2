// Result<T>: how the world's faults (a missing file, a port in use) travel. Each layer adds one phrase with
// with_context(), so the last one to see the error can print a whole sentence; it is logged once, there.
// Our own bugs are not errors but TRIMARAN_ASSERTs (assert.h), a peer's faults are values (parse outcomes), and
// the user's mistakes in trimaran.toml are Diagnostics (diagnostic.h).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace trimaran {

struct Error {
  std::string message;  // one sentence without a full stop, lower case: "cannot open /x: Permission denied"
  int os_errno = 0;     // the errno behind it, 0 when there is none

  // "cannot start the front: cannot open /x: Permission denied"
  Error with_context(std::string_view phrase) && {
    message = std::string(phrase) + ": " + message;
    return std::move(*this);
  }
};

template <class T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

// An error from a failed system call: "PHRASE: strerror(errno)". Reads errno, so call it first.
[[nodiscard]] std::unexpected<Error> errno_error(std::string_view phrase);
[[nodiscard]] std::unexpected<Error> errno_error(std::string_view phrase, int os_errno);
[[nodiscard]] std::unexpected<Error> make_error(std::string message);

}  // namespace trimaran
