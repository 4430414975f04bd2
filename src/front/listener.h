// One listening socket of one front thread. The socket belongs to the supervisor too: when this front goes, the next
// generation accepts what still waits on it, so it is only ever taken out of our loop and our own descriptor closed.
#pragma once

#include <string>

#include "front/context.h"
#include "os/event_loop.h"
#include "os/fd.h"

namespace trimaran::front {

class Listener final : public IoHandler, public Timer {
 public:
  static constexpr int kAcceptsPerTurn = 64;  // then those that are open have their turn
  static constexpr Millis kPauseMs = 50;      // when there is no descriptor or no place for another connection

  Listener(Context& context, Fd fd, std::string address);
  ~Listener() override { stop(); }

  const std::string& address() const { return address_; }
  // The limits that the kernel keeps for connections accepted from now on.
  void apply_limits();
  void start();
  void stop();
  void on_io(uint32_t events) override;

 private:
  bool accept_one();
  bool make_place(ClientKey client);
  void pause();
  void on_timer() override { start(); }

  Context& context_;
  Fd fd_;
  std::string address_;  // as the supervisor calls it
  uint16_t port_ = 0;
  bool watching_ = false;
};

}  // namespace trimaran::front
