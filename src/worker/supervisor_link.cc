#include "worker/supervisor_link.h"

#include "base/log.h"

namespace trimaran::worker {

bool SupervisorLink::read(Listener& listener) {
  for (;;) {
    auto message = socket_.receive();
    if (!message) {
      listener.on_drain();
      return false;
    }
    if (!*message) return true;
    handle(std::move(**message), listener);
  }
}

void SupervisorLink::handle(Message message, Listener& listener) {
  if (message.verb == "channel") {
    add_channel(std::move(message.fds), listener);
  } else if (message.verb == "drain") {
    listener.on_drain();
  } else if (message.verb == "status") {
    if (auto sent = send("status", "json", listener.status_json()); !sent) log_error(sent.error().message);
  } else {
    log_error("an unknown message from the supervisor: " + message.verb);
  }
}

void SupervisorLink::add_channel(std::vector<Fd> fds, Listener& listener) {
  if (fds.size() != 2) return log_error("a channel was refused: it needs two descriptors");
  auto ledger = Ledger::map(fds[1]);
  Status added = ledger ? listener.on_channel(std::move(fds[0]), std::move(*ledger)) : std::unexpected(ledger.error());
  if (!added) log_error("a channel was refused: " + added.error().message);
}

void SupervisorLink::send_recycle(std::string_view reason) {
  if (auto sent = send("recycle", "reason", reason); !sent) log_error(sent.error().message);
}

Status SupervisorLink::send(std::string_view verb, std::string_view key, std::string_view value) {
  return socket_.send({std::string(verb), {{std::string(key), std::string(value)}}, {}});
}

}  // namespace trimaran::worker
