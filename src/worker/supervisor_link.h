// A worker's line to the supervisor (role/role.h): what both ends of a worker, the one with threads (worker_end.h) and
// the one with an event loop (async_worker.h), hear and say on it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "os/message_socket.h"
#include "worker/ledger.h"

namespace trimaran::worker {

constexpr size_t kChannelsMax = 256;  // of one worker: front threads of two front generations, and some to spare

// Why a worker that has closed a channel itself asks for a successor: the front at its other end may live on, and no
// other channel to it will come.
constexpr std::string_view kGaveUp = "it has closed its channel to a front that took nothing or broke the protocol";

class SupervisorLink {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // A front thread's channel. An error refuses it.
    virtual Status on_channel(Fd socket, Ledger ledger) = 0;
    // Nothing more is to be begun: the supervisor said so, or is gone.
    virtual void on_drain() = 0;
    // {"requests":N,"busy":N,"threads":N,"waiting":N}
    virtual std::string status_json() = 0;
  };

  explicit SupervisorLink(MessageSocket socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.fd(); }
  void close() { socket_.close(); }
  // Takes all that has come. False: the supervisor is gone, nothing more will come.
  bool read(Listener& listener);

  Status send_ready() { return socket_.send({"ready", {}, {}}); }
  Status send_failed(std::string_view reason) { return send("failed", "reason", field_text(reason)); }
  // Asks for a successor; until it is there and we are told to drain, we serve on.
  void send_recycle(std::string_view reason);

 private:
  void handle(Message message, Listener& listener);
  void add_channel(std::vector<Fd> fds, Listener& listener);
  Status send(std::string_view verb, std::string_view key, std::string_view value);

  MessageSocket socket_;
};

}  // namespace trimaran::worker
