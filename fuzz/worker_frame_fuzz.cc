// The front reads these frames from processes that run the user's code: any bytes may come, none may hurt.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "worker/frame.h"

using namespace trimaran::worker;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Frame frame;
  size_t consumed;
  RequestHeadView request;
  ResponseHeadView response;
  while (read_frame(bytes, frame, consumed) == FrameStatus::frame) {
    if (consumed < kFrameHeaderBytes || consumed > bytes.size()) std::abort();
    (void)read_credit(frame);
    if (auto file = read_file_view(frame)) {
      if (file->offset + file->length > INT64_MAX) std::abort();  // what sendfile(2) can be asked for
      std::string again;
      append_file(again, frame.slot, *file);
      if (std::string_view(again).substr(kFrameHeaderBytes) != frame.payload) std::abort();
    }
    // What parses must survive a round trip unchanged.
    if (parse_request(frame.payload, request)) {
      std::string again;
      append_request(again, frame.slot, frame.end(), request);
      if (std::string_view(again).substr(kFrameHeaderBytes) != frame.payload) std::abort();
    }
    if (parse_response(frame.payload, response)) {
      std::string again;
      append_response(again, frame.slot, frame.end(), response);
      if (std::string_view(again).substr(kFrameHeaderBytes) != frame.payload) std::abort();
    }
    bytes.remove_prefix(consumed);
  }
  return 0;
}
