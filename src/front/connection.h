// One client's TCP connection: bytes in, requests to exchanges in order, bytes out, deadlines. A state machine that
// advance() drives as far as it goes; every event only says what has become possible. Idle, it is this object and
// nothing else.
#pragma once

#include <memory>
#include <string_view>

#include "front/client_table.h"
#include "front/context.h"
#include "front/rate_guard.h"
#include "front/send_queue.h"
#include "http/head_scanner.h"
#include "os/event_loop.h"
#include "os/fd.h"

namespace trimaran::front {

class Connection final : public IoHandler, public Timer {
 public:
  static constexpr int kRequestsPerTurn = 128;               // pipelined ones; then the others have their turn
  static constexpr size_t kPipelineQueueBytes = 256 * 1024;  // answers gathered before the next request is begun
  static constexpr size_t kLingerBytesMax = 1 << 20;         // read and dropped after a final response
  static constexpr Millis kLingerMs = 3000;                  // and at most for this time
  static constexpr int kPeerProbeS = 60;  // a silent tunnel's client is probed so often; TCP_USER_TIMEOUT ends it

  // Takes over an accepted, non-blocking socket, reads at once, and registers with the loop if it has to wait. Deletes
  // itself.
  static void open(Context& context, Fd fd, const sockaddr_storage& peer, uint16_t server_port);

  void on_io(uint32_t events) override;
  void advance();
  // Ends it at once, whatever it is doing.
  void close();

  // For its exchange.
  SendQueue& queue() { return queue_; }
  bool busy() const { return busy_; }
  void wake() { context_.wake(*this); }
  bool has_input() const { return in_ && !in_->empty(); }
  // Whether another request may follow on this connection. In a drain, what the client has pipelined already is still
  // answered (RFC 9112 section 9.3.2 lets us drop it; then it would fail).
  bool may_go_on() const {
    return (!context_.draining || has_input()) && requests_ < context_.limits().requests_per_connection && !eof_;
  }
  void reset_when_closed() { reset_ = true; }
  // A tunnel may be silent for long: the kernel asks whether the client is still there.
  void watch_peer();
  std::string_view client_address() const { return {address_, address_size_}; }
  uint16_t client_port() const { return client_port_; }
  uint16_t server_port() const { return server_port_; }

 private:
  friend class ConnectionList;
  friend class Context;
  enum class Wait : uint8_t { none, idle, head, body, send, tunnel, linger };

  Connection(Context& context, Fd fd, const sockaddr_storage& peer, uint16_t server_port);
  ~Connection() override;

  bool step();
  bool step_exchange();
  bool step_head();
  void begin_request();
  void begin_refused(const http::Refusal& refusal);
  void start_exchange();
  void end_exchange();
  bool receive();
  bool client_has_ended() const;
  bool flush();
  bool finish_close();
  bool linger();

  void settle();
  Wait current_wait() const;
  bool look_at_delivery();
  void end_slow_send();
  void end_idle();
  void arm_timer(Wait wait);
  void on_timer() override;
  void set_idle(bool idle);

  Context& context_;
  Fd fd_;
  std::unique_ptr<InputBuffer> in_;
  SendQueue queue_;
  std::unique_ptr<HttpExchange> exchange_;
  http::HeadScanner scanner_;
  uint64_t sent_ = 0;       // bytes that the kernel took
  uint64_t delivered_ = 0;  // ... and that the client had acknowledged when we last looked
  RateGuard send_rate_;     // of what was delivered
  RateGuard body_rate_;
  Millis since_ = 0;       // when the present wait began, or the last progress in it
  Millis head_since_ = 0;  // when the first byte of the request under way came
  Connection* list_previous_ = nullptr;
  Connection* list_next_ = nullptr;
  ClientKey client_;
  uint32_t requests_ = 0;
  uint32_t lingered_ = 0;
  int turn_ = 0;
  Wait wait_ = Wait::none;
  bool readable_ : 1 = true;
  bool writable_ : 1 = true;
  bool peer_done_ : 1 = false;  // RDHUP: a FIN is behind what there is to read
  bool eof_ : 1 = false;
  bool closing_ : 1 = false;      // close when everything is sent
  bool lingers_ : 1 = false;      // ... but the client may still be sending
  bool half_closed_ : 1 = false;  // our FIN is sent; reading what still comes
  bool reset_ : 1 = false;
  bool dead_ : 1 = false;
  bool busy_ : 1 = false;
  bool woken_ : 1 = false;
  bool registered_ : 1 = false;
  bool idle_ : 1 = false;
  bool progress_ : 1 = false;  // bytes moved since the last settle()
  uint8_t address_size_ = 0;
  uint16_t client_port_;
  uint16_t server_port_;
  char address_[46];  // INET6_ADDRSTRLEN
};

}  // namespace trimaran::front
