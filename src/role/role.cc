#include "role/role.h"

#include <fcntl.h>

#include "base/log.h"

namespace trimaran {
namespace {

constexpr size_t kStatusFieldBytesMax = MessageSocket::kMessageBytesMax / 2;
constexpr size_t kStatusBytesMax = 4 << 20;  // 150 bytes for each of 2,000 sites are a tenth of it

}  // namespace

Result<Message> status_message(std::string json) {
  Message message{"status", {}, {}};
  if (json.size() <= kStatusFieldBytesMax) {
    message.fields["json"] = std::move(json);
    return message;
  }
  auto memfd = make_memfd("trimaran-status", json);
  if (!memfd) return std::unexpected(memfd.error());
  message.fds.push_back(std::move(*memfd));
  return message;
}

Result<std::string> read_status(const Message& message) {
  if (message.fds.empty()) return message.field("json");
  // Only a memfd has seals, and one that nobody can write to is not somebody's file that waits.
  int seals = ::fcntl(message.fds[0].get(), F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_WRITE)) return make_error("a status came in what is no sealed memfd");
  return read_memfd(message.fds[0], kStatusBytesMax);
}

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
