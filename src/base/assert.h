// Our own bugs end the process, in release builds too: the supervisor starts another one, and a core with the
// real state is worth more than a server that goes on with a broken one.
#pragma once

namespace trimaran {

[[noreturn]] void assert_failed(const char* expression, const char* file, int line);

}  // namespace trimaran

#define TRIMARAN_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::trimaran::assert_failed(#expression, __FILE__, __LINE__))
