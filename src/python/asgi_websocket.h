// The "websocket" scope of ASGI, version 2.4 of its specification, and its extension websocket.http.response (a
// connection that is refused with a whole response).
//
// Pings are answered and closes are noticed whether or not the application receives, so frames are read as they come,
// until kQueueBytesMax of messages wait for the application; from there on the client's credit runs out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "http/websocket.h"
#include "python/asgi_exchange.h"
#include "python/response_head.h"

namespace trimaran::python {

class AsgiWebSocket final : public AsgiExchange {
 public:
  static constexpr size_t kMessageBytesMax = 16 << 20;  // of one message; what other servers allow too
  static constexpr size_t kQueueBytesMax = 64 * 1024;   // of messages that are read ahead; one may be larger
  static constexpr size_t kDenialBytesMax = 64 * 1024;  // of the body of a refusal
  static constexpr size_t kReasonBytesMax = 123;        // RFC 6455 section 5.5

  AsgiWebSocket(AsgiServer& server, std::unique_ptr<worker::AsyncRequest> request);

  Ref receive() override;
  Sent send(PyObject* event, Progress& progress) override;
  void abandon(const Progress& progress) override;
  bool lingers() const override;
  void finish() override;
  void on_news() override;

 private:
  // denying: the head of a refusal is here, its body is on its way. closed: our close frame is said.
  enum class State { fresh, accepted, denying, closed };
  struct Message {
    bool is_text;
    std::string payload;
    // What it costs us: a flood of empty ones must end too.
    size_t cost() const { return sizeof(Message) + payload.size(); }
  };

  void on_end(std::string_view failure) override;
  Ref message_event(const Message& message);
  Ref disconnect_event();
  Sent accept(PyObject* event);
  bool add_handshake(PyObject* subprotocol);
  Sent refuse();
  Sent start_denial(PyObject* event);
  Sent send_denial(PyObject* event);
  Sent send_message(PyObject* event, Progress& progress);
  Sent send_close(PyObject* event);
  Sent unexpected(std::string_view type);

  void read_frames();
  void on_frame(http::WebSocketEvent event);
  void lose(uint16_t code);
  void close(uint16_t code, std::string_view reason);
  void write();  // as much of out_ as there is room for
  bool written() const { return out_at_ == out_.size(); }

  State state_ = State::fresh;
  bool connect_given_ = false;
  ResponseHead head_;
  Ref accept_key_, subprotocol_;  // what head_ points into
  std::string denial_;

  http::WebSocketReader reader_{kMessageBytesMax};
  std::deque<Message> messages_;
  size_t queued_bytes_ = 0;
  bool over_ = false;  // nothing more comes from the client
  uint16_t code_ = 0;  // and why
  std::string reason_;

  std::string out_;  // whole frames; from out_at_ on they have not left
  size_t out_at_ = 0;
  std::optional<std::string> pong_;  // the last one due (RFC 6455 section 5.5.3), while others have not left
  bool sending_ = false;             // a message is on its way; others wait for it
  bool ended_ = false;               // the application is done
};

// Whether the request asks for a WebSocket at all.
bool is_websocket(const worker::RequestHeadView& head);
// RFC 6455 section 4.2.1. False: the request was answered with what is wrong.
bool check_handshake(worker::AsyncRequest& request);

}  // namespace trimaran::python
