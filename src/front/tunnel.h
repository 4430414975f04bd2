// The application's direction of a tunnel, as the front passes it on, until the front ends it in the application's
// place: at the drain limit of a deploy or an upgrade. A WebSocket gets a close frame 1012 ("service restart", IANA
// registry) at the next border of a frame, and its client comes back to the new generation; what the application says
// after that is dropped, but what the client says (its own close frame) still reaches the application. Of any other
// protocol nothing is known, so it just ends.
#pragma once

#include <string_view>

#include "base/time.h"
#include "front/exchange.h"
#include "http/websocket_boundary.h"

namespace trimaran::front {

class Tunnel {
 public:
  static constexpr uint16_t kServiceRestart = 1012;
  // How long the end of a WebSocket may take: for the frame under way, and for the client's own close frame.
  static constexpr Millis kEndMs = 5000;

  // `protocol`: the request's Upgrade.
  explicit Tunnel(std::string_view protocol);

  // Bytes for the client. False when it takes no more for now (Exchange::send_body).
  bool send(Exchange& exchange, std::string_view bytes);
  // False: this protocol knows no goodbye.
  bool end(Exchange& exchange);
  bool ending() const { return ending_; }

 private:
  bool say_goodbye(Exchange& exchange);

  const bool websocket_;
  bool ending_ = false;
  bool said_ = false;  // a close frame has gone to the client, ours or the application's
  http::WebSocketBoundary boundary_;
};

}  // namespace trimaran::front
