#include "role/role.h"

#include "base/log.h"

namespace trimaran {

RoleLink::RoleLink(EventLoop& loop, MessageSocket socket, OnMessage on_message, OnGone on_gone)
    : loop_(loop), socket_(std::move(socket)), on_message_(std::move(on_message)), on_gone_(std::move(on_gone)) {
  // Level-triggered: messages are rare and a handler may stop in the middle of a batch.
  if (auto added = loop_.add(socket_.fd(), EPOLLIN, *this); !added) log_error(added.error().message);
}

RoleLink::~RoleLink() {
  if (socket_) loop_.remove(socket_.fd(), *this);
}

void RoleLink::send(const Message& message) {
  if (!socket_) return;
  if (auto sent = socket_.send(message); !sent) log_error(sent.error().message);
}

void RoleLink::on_io(uint32_t) {
  while (socket_) {
    auto message = socket_.receive();
    if (!message) {
      loop_.remove(socket_.fd(), *this);
      socket_.close();
      on_gone_();
      return;
    }
    if (!*message) return;
    on_message_(std::move(**message));
  }
}

}  // namespace trimaran
