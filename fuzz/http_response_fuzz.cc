// What an application answers: whatever the bytes, reading them at once and one at a time must come to the same story,
// and no view may lie outside of what was given.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pool/http_codec.h"

namespace {

using namespace trimaran;
using Kind = pool::UpstreamCodec::Step::Kind;

std::string story_of(std::string_view all, std::string_view method, uint8_t flags, size_t step) {
  pool::HttpCodec codec;
  worker::RequestHeadView head;
  head.method = method;
  head.path = "/";
  std::string out, story;
  codec.start(head, flags, out);
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
      if (s.kind == Kind::broken) return story + "!";
      if (s.kind == Kind::end) return story + (codec.reusable() ? "$" : "%");
      if (s.kind == Kind::need_more) break;
    }
  }
  return story + (codec.closed().kind == Kind::end ? "e" : "l");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string_view method = data[0] & 1 ? "HEAD" : "GET";
  uint8_t flags = data[0] & 2 ? worker::kTunnel : worker::kEnd;
  if (story_of(bytes, method, flags, bytes.size() + 1) != story_of(bytes, method, flags, 1)) std::abort();
  return 0;
}
