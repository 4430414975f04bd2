// What an upstream connection (upstream_connection.h) speaks: one request at a time into bytes, and bytes back into one
// response. Pure: no sockets and no clock, so HTTP/1.1 and FastCGI are tested and fuzzed exactly as they run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "worker/frame.h"

namespace trimaran::pool {

class UpstreamCodec {
 public:
  struct Step {
    enum class Kind : uint8_t {
      need_more,
      head,    // head() is set; its views live until the bytes given do, or the next call
      data,    // `bytes` are content of the body
      end,     // the response is complete
      log,     // `bytes` are for the application's log
      broken,  // the peer does not keep to the protocol; `bytes` say how
      lost,    // only from closed(): the response is not whole
    };
    Kind kind = Kind::need_more;
    size_t consumed = 0;     // bytes of the input that are dealt with
    std::string_view bytes;  // into the input, or text that lives as long as the program
  };

  virtual ~UpstreamCodec() = default;

  // Appends the beginning of a request; a codec is used again after a response that left it reusable(). `flags` are
  // worker::FrameFlags: kEnd without a body, kTunnel for an Upgrade.
  virtual void start(const worker::RequestHeadView& head, uint8_t flags, std::string& out) = 0;
  // Appends bytes of the body. False: this body cannot be sent (see the codec).
  virtual bool body(std::string_view bytes, bool end, std::string& out) = 0;

  // Reads the start of `bytes`, which begins where the last step's `consumed` ended and holds what the last call held
  // and maybe more. Call again while it consumes or says something.
  virtual Step next(std::string_view bytes) = 0;
  // No more bytes will come: end, or lost.
  virtual Step closed() = 0;
  virtual const worker::ResponseHeadView& head() const = 0;

  // After `end`: whether the connection may carry another request.
  virtual bool reusable() const = 0;
  // From the head on, raw bytes go both ways, and each direction ends by itself.
  virtual bool tunnel() const { return false; }
};

using MakeCodec = std::function<std::unique_ptr<UpstreamCodec>()>;

}  // namespace trimaran::pool
