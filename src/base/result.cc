#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace trimaran {

std::unexpected<Error> errno_error(std::string_view phrase) { return errno_error(phrase, errno); }

std::unexpected<Error> errno_error(std::string_view phrase, int os_errno) {
  char buffer[128];
  const char* text = ::strerror_r(os_errno, buffer, sizeof buffer);  // the GNU form returns the text
  return std::unexpected(Error{std::string(phrase) + ": " + text, os_errno});
}

std::unexpected<Error> make_error(std::string message) { return std::unexpected(Error{std::move(message), 0}); }

}  // namespace trimaran
