// What php-fpm answers: whatever the bytes, reading them at once and one at a time must come to the same story.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pool/fastcgi_codec.h"

namespace {

using namespace trimaran;
using Kind = pool::UpstreamCodec::Step::Kind;

std::string story_of(std::string_view all, size_t step) {
  static const pool::PhpScripts scripts("/nowhere");
  pool::FastCgiCodec codec(scripts);
  worker::RequestHeadView head;
  head.method = "GET";
  head.path = "/";
  std::string out, story, log;
  codec.start(head, worker::kEnd, out);
  size_t at = 0;
  for (size_t given = 0; given < all.size();) {
    given = std::min(given + step, all.size());
    for (;;) {
      auto s = codec.next(all.substr(at, given - at));
      if (s.consumed > given - at) std::abort();
      at += s.consumed;
      if (s.kind == Kind::head) {
        story += std::to_string(codec.head().status);
        for (const auto& [name, value] : codec.head().headers) {
          if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) std::abort();
          story.append(name).append("=").append(value).append("|");
        }
      }
      if (s.kind == Kind::data) story += s.bytes;
      if (s.kind == Kind::log) log += s.bytes;
      if (s.kind == Kind::broken) return story + "!";
      if (s.kind == Kind::end) return story + log + "$";
      if (s.kind == Kind::need_more) break;
    }
  }
  return story + log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (story_of(bytes, size + 1) != story_of(bytes, 1)) std::abort();
  return 0;
}
