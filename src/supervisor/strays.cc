#include "supervisor/strays.h"

#include <algorithm>
#include <utility>

#include "os/process.h"

namespace trimaran {

void Strays::look() {
  std::vector<pid_t> before = std::exchange(suspects_, ended_children());
  std::erase_if(suspects_, [&](pid_t pid) {
    return std::find(before.begin(), before.end(), pid) != before.end() && try_reap(pid).has_value();
  });
  wait();
}

}  // namespace trimaran
