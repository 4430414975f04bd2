#include "front/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "front/connection.h"
#include "front/send_queue.h"
#include "os/socket.h"

namespace trimaran::front {
namespace {

// accept4(2) looks for a descriptor first and for a connection second: without one it fails although nobody waits.
bool somebody_waits(int listener) {
  pollfd look{listener, POLLIN, 0};
  return ::poll(&look, 1, 0) == 1;
}

}  // namespace

Listener::Listener(Context& context, Fd fd, std::string address)
    : context_(context), fd_(std::move(fd)), address_(std::move(address)) {
  if (auto local = local_address(fd_.get())) port_ = local->port();
  // Accepted sockets inherit all of them. TCP_DEFER_ACCEPT: a connection comes with its first bytes, so accept, read
  // and answer happen in one turn (measured 1.4x on new connections, facts/engine.md); a silent client shows up a
  // second later.
  int on = 1, seconds = 1, unsent = SendQueue::kUnsentBytes;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

void Listener::apply_limits() {
  // Inherited as well. What is still in the kernel's hands when a connection is closed or idle has no deadline of ours.
  // Twice the time, so that while it has one, ours comes first and is counted.
  auto timeout = static_cast<unsigned>(2 * context_.limits().send_timeout_ms);
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

void Listener::start() {
  cancel();
  if (watching_) return;
  // Level-triggered: a turn ends with connections still waiting.
  if (auto added = context_.loop.add(fd_.get(), EPOLLIN, *this); !added) {
    log_error(added.error().message);
    return;
  }
  watching_ = true;
}

void Listener::stop() {
  cancel();
  if (watching_) context_.loop.remove(fd_.get(), *this);
  watching_ = false;
}

void Listener::pause() {
  stop();
  context_.loop.arm(*this, context_.loop.now() + kPauseMs);
}

void Listener::on_io(uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (!accept_one()) return;
  }
}

bool Listener::accept_one() {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  Fd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    switch (errno) {
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        if (!somebody_waits(fd_.get())) return false;
        ++context_.counters.limit_connections;
        if (context_.idle.front()) context_.idle.front()->close();
        pause();
        return false;
      case EAGAIN:
        return false;
      default:
        return true;  // the client gave up while it waited (accept(2), "Error handling")
    }
  }
  if (make_place(client_key(peer))) Connection::open(context_, std::move(fd), peer, port_);
  return true;
}

// Admitted, or closed at once. When the front is full the client that has been idle longest goes: it has been served.
bool Listener::make_place(ClientKey client) {
  const LimitsConfig& limits = context_.limits();
  for (;;) {
    switch (context_.clients.admit(client, limits.connections, limits.connections_per_client)) {
      case ClientTable::Admission::admitted:
        return true;
      case ClientTable::Admission::too_many_of_client:
        ++context_.counters.limit_client;
        return false;
      case ClientTable::Admission::too_many:
        break;
    }
    ++context_.counters.limit_connections;
    if (!context_.idle.front()) return false;
    context_.idle.front()->close();
  }
}

}  // namespace trimaran::front
