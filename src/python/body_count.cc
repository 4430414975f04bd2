#include "python/body_count.h"

#include <string>

#include "base/log.h"
#include "base/strings.h"

namespace trimaran::python {

std::string_view BodyCount::admit(std::string_view bytes) {
  if (!has_body()) return {};
  if (response_.known_length() && bytes.size() > length() - sent_) {
    if (!said_too_much_) {
      log_warning(escape_for_log(request_.method) + " " + escape_for_log(request_.path) +
                  ": the response is longer than its Content-Length of " + std::to_string(length()) +
                  "; the rest is cut off");
    }
    said_too_much_ = true;
    bytes = bytes.substr(0, length() - sent_);
  }
  sent_ += bytes.size();
  return bytes;
}

bool BodyCount::check_end(uint64_t bytes) const {
  if (!response_.known_length() || bytes >= length()) return true;
  PyErr_Format(PyExc_AssertionError, "the response has %llu bytes, its Content-Length says %lld",
               static_cast<unsigned long long>(bytes), static_cast<long long>(length()));
  return false;
}

}  // namespace trimaran::python
