// What the strict load client reads from a server: HTTP responses and WebSocket frames. However the bytes are cut, they
// must come to the same responses; and nothing may be read beyond them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "strict/response_reader.h"
#include "strict/websocket_frame.h"

namespace {

using namespace trimaran::strict;

// What a stream of bytes says, as text, when it comes in pieces of `piece` bytes.
std::string story(std::string_view bytes, size_t piece) {
  std::string out;
  ResponseReader reader;
  reader.start(false);
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    ResponseReader::Step step = reader.next(part);
    if (step.consumed > part.size() || step.data.size() > step.consumed) std::abort();
    out += step.data;
    bytes.remove_prefix(step.consumed);
    if (step.outcome == ResponseReader::Outcome::malformed) return out + "=malformed";
    if (step.outcome == ResponseReader::Outcome::done) {
      out += "=" + std::to_string(reader.status()) + (reader.closes() ? "c" : "k") + "\n";
      out += reader.header("content-type");
      reader.start(false);
    } else if (step.consumed == 0) {
      std::abort();  // it would never get on
    }
  }
  return out;
}

void read_frames(std::string_view bytes) {
  WebSocketFrame frame;
  size_t consumed = 0;
  while (read_websocket_frame(bytes, frame, consumed) == FrameOutcome::frame) {
    if (consumed > bytes.size() || frame.payload.size() > consumed) std::abort();
    close_code(frame.payload);
    bytes.remove_prefix(consumed);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string whole = story(bytes, size);
  for (size_t piece : {size_t{1}, size_t{7}}) {
    if (story(bytes, piece) != whole) std::abort();
  }
  read_frames(bytes);
  return 0;
}
