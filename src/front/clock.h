// The wall clock as responses and logs need it: read and formatted once a second, not once a request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace trimaran::front {

class Clock {
 public:
  // `now`: the loop's time. Everything below is of this moment, to the second.
  void update(Millis now) {
    if (now >= next_) refresh(now);
  }
  int64_t second() const { return second_; }
  std::string_view http_date() const { return http_date_; }
  std::string_view log_date() const { return log_date_; }

 private:
  void refresh(Millis now);

  Millis next_ = INT64_MIN;
  int64_t second_ = 0;
  std::string http_date_;
  std::string log_date_;
};

}  // namespace trimaran::front
