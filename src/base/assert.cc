#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace trimaran {

void assert_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "assertion failed at %s:%d: %s\n", file, line, expression);
  std::abort();
}

}  // namespace trimaran
