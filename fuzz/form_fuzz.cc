// Forms, queries, cookies and paths are the visitor's bytes, read in the process that holds the site's data.
// Input: a name, a line feed, and the text in which it is looked up.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "host/form.h"
#include "host/router.h"

using namespace trimaran;

namespace {

std::string encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

class Nobody final : public detail::AnyHandler {
 public:
  Response call(Request&, const detail::PathValues&) const override { std::abort(); }
};

host::Router make_router() {
  host::Router router;
  for (auto pattern :
       {"/", "/posts/{id:int}", "/posts/{title}", "/posts/new", "/files/{rest:path}", "/{a}/{b:int}/x"}) {
    if (!router.add("GET", pattern, std::make_unique<Nobody>())) std::abort();
  }
  return router;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const host::Router router = make_router();
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view name = bytes.substr(0, bytes.find('\n'));
  std::string_view text = bytes.substr(std::min(size, name.size() + 1));

  (void)host::find_form_field(text, name);
  (void)host::find_cookie(text, name);
  (void)host::is_media_type(text, name);
  // What a browser encodes comes back, whatever stands behind it.
  std::string form = encode(name) + "=" + encode(text) + "&" + std::string(text);
  if (!name.empty() && host::find_form_field(form, name) != text) std::abort();

  auto match = router.find("GET", text);
  if ((match.kind == host::Router::Match::Kind::found) != (match.handler != nullptr)) std::abort();
  // One whole segment, encoded, is a title or a number, and never leaves its place.
  match = router.find("GET", "/posts/" + encode(name));
  if (!name.empty() && match.kind != host::Router::Match::Kind::found) std::abort();
  return 0;
}
