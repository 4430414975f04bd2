#include "front/tunnel.h"

#include "base/strings.h"

namespace trimaran::front {

Tunnel::Tunnel(std::string_view protocol) : websocket_(iequals(protocol, "websocket")) {}

bool Tunnel::send(Exchange& exchange, std::string_view bytes) {
  if (said_) return true;
  if (!websocket_) return exchange.send_body(bytes);
  auto rest = ending_ ? boundary_.bytes_to_boundary(bytes) : std::nullopt;
  if (rest) bytes = bytes.substr(0, *rest);
  boundary_.pass(bytes);
  bool room = exchange.send_body(bytes);
  return rest ? say_goodbye(exchange) : room;
}

bool Tunnel::end(Exchange& exchange) {
  ending_ = true;
  if (websocket_ && boundary_.at_boundary()) say_goodbye(exchange);
  return websocket_;
}

bool Tunnel::say_goodbye(Exchange& exchange) {
  said_ = true;
  return boundary_.closed() || exchange.send_body(http::websocket_close_frame(kServiceRestart, "service restart"));
}

}  // namespace trimaran::front
