// Range: bytes=... (RFC 9110 section 14). One range is served; of several none is: the whole file is a correct answer,
// and multipart/byteranges is how one small request asks for many copies of a large file.
#pragma once

#include <cstdint>
#include <string_view>

namespace trimaran::front {

struct Range {
  enum class Kind { whole, part, unsatisfiable } kind = Kind::whole;  // 200, 206, 416
  int64_t first = 0;
  int64_t length = 0;
};

// `value` is the Range field; what is not a byte range that we know is ignored (section 14.2).
Range parse_range(std::string_view value, int64_t size);

}  // namespace trimaran::front
