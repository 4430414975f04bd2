// When a worker asks for a successor: TRIMARAN_RECYCLE (role/role.h), "requests=1000". Counted here and not in the
// front, because several fronts may use one worker.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "worker/supervisor_link.h"

namespace trimaran::worker {

class Recycle {
 public:
  Recycle() = default;
  // Words "key=number" separated by spaces; what is unknown or no number is left out: a worker that is never recycled
  // is better than none.
  explicit Recycle(std::string_view text) {
    constexpr std::string_view kKey = "requests=";
    while (!text.empty()) {
      std::string_view word = text.substr(0, text.find(' '));
      if (word.starts_with(kKey)) requests_ = parse_u64(word.substr(kKey.size())).value_or(0);
      text.remove_prefix(word.size() < text.size() ? word.size() + 1 : word.size());
    }
  }
  static Recycle from_environment() {
    const char* text = std::getenv("TRIMARAN_RECYCLE");
    return Recycle(text ? text : "");
  }

  // Whether the request of this number is the one with which it asks; true once at most.
  bool due(uint64_t request) const { return requests_ > 0 && request == requests_; }
  // The supervisor starts the successor, then drains us; until then we serve on.
  void ask_when_due(uint64_t request, SupervisorLink& link) const {
    if (due(request)) link.send_recycle("it has served " + std::to_string(request) + " requests");
  }

 private:
  uint64_t requests_ = 0;  // 0: never
};

}  // namespace trimaran::worker
