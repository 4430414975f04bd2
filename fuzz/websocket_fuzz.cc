// A WebSocket's client may send anything. What it says must mean the same in whatever pieces it comes, and what is read
// must be a message that could be sent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/websocket.h"
#include "http/websocket_boundary.h"

using namespace trimaran::http;

namespace {

constexpr size_t kMessageBytesMax = 4096;

std::string story(std::string_view bytes, size_t step) {
  WebSocketReader reader(kMessageBytesMax);
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += step) {
    std::string_view part = bytes.substr(at, step);
    WebSocketEvent event;
    while ((event = reader.next(part)) != WebSocketEvent::incomplete) {
      if (reader.payload().size() > kMessageBytesMax) std::abort();
      if (event == WebSocketEvent::text && !is_utf8(reader.payload())) std::abort();
      append_websocket_frame(out, static_cast<WebSocketOpcode>(event), reader.payload());
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size == 0) return 0;
  std::string whole = story(bytes, size);
  if (story(bytes, 1) != whole || story(bytes, 7) != whole) std::abort();
  WebSocketBoundary ours;
  ours.pass(whole);
  if (!ours.at_boundary()) std::abort();
  WebSocketBoundary any, pieces;
  any.pass(bytes);
  for (size_t at = 0; at < size; at += 5) pieces.pass(bytes.substr(at, 5));
  if (any.at_boundary() != pieces.at_boundary() || any.closed() != pieces.closed()) std::abort();
  if (auto end = any.bytes_to_boundary(bytes)) {
    any.pass(bytes.substr(0, *end));
    if (!any.at_boundary()) std::abort();
  }
  return 0;
}
