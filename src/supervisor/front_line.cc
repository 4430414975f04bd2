#include "supervisor/front_line.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/fleet.h"
#include "worker/ledger.h"

namespace trimaran {
namespace {

struct Channel {
  Fd front, worker;
};

Result<Channel> make_channel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return errno_error("cannot create a worker's channel");
  }
  return Channel{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

void FrontLine::send(const Message& message) { front_.send(message); }

void FrontLine::app(const std::string& site, std::string_view state, const std::string& reason,
                    const std::string& log) {
  send({"app", {{"site", site}, {"state", std::string(state)}, {"reason", reason}, {"log", log}}, {}});
}

void FrontLine::shares(const std::string& site, const std::string& shares) {
  send({"shares", {{"site", site}, {"shares", shares}}, {}});
}

void FrontLine::retire(const std::string& site, const std::string& worker) {
  send({"retire", {{"site", site}, {"worker", worker}}, {}});
}

void FrontLine::cut(const std::string& site, int generation) {
  send({"cut", {{"site", site}, {"generation", std::to_string(generation)}}, {}});
}

void FrontLine::ask_load() { send({"load", {}, {}}); }

Message FrontLine::target(pid_t pid, const std::string& number, const Generation& generation, std::string_view protocol,
                          int thread) const {
  const AppConfig& app = *generation.site.app;
  return {"target",
          {{"site", generation.site.domain},
           {"generation", std::to_string(generation.number)},
           {"worker", number},
           {"pid", std::to_string(pid)},
           {"capacity", std::to_string(app.concurrency)},
           {"protocol", std::string(protocol)},
           {"threads", std::to_string(app.threads)},
           {"thread", std::to_string(thread)}},
          {}};
}

Status FrontLine::connect(Service& worker, const std::string& number, const Generation& generation) {
  for (Service* front : front_.audience()) {
    if (Status connected = connect(worker, number, generation, *front); !connected) return connected;
  }
  return {};
}

Status FrontLine::connect(Service& worker, const std::string& number, const Generation& generation, Service& front) {
  for (int thread = 0; thread < front_.threads(); ++thread) {
    auto channel = make_channel();
    if (!channel) return std::unexpected(channel.error());
    auto ledger = worker::make_ledger();
    if (!ledger) return std::unexpected(ledger.error());
    auto ledger_copy = duplicate(*ledger);
    if (!ledger_copy) return std::unexpected(ledger_copy.error());
    Message to_worker{"channel", {}, {}};
    to_worker.fds.push_back(std::move(channel->worker));
    to_worker.fds.push_back(std::move(*ledger_copy));
    worker.send(to_worker);
    Message to_front = target(worker.pid(), number, generation, "worker", thread);
    to_front.fds.push_back(std::move(channel->front));
    to_front.fds.push_back(std::move(*ledger));
    front.send(to_front);
  }
  return {};
}

Status FrontLine::connect(const Upstream& upstream, const Lease& lease, pid_t pid, const std::string& number,
                          const Generation& generation) {
  for (Service* front : front_.audience()) {
    for (int thread = 0; thread < front_.threads(); ++thread) {
      Message message = target(pid, number, generation, upstream.protocol(), thread);
      message.fields["address"] = upstream.address();
      message.fields["root"] = upstream.root();
      auto copy = lease.give();
      if (!copy) return std::unexpected(copy.error());
      message.fds.push_back(std::move(*copy));
      front->send(message);
    }
  }
  return {};
}

}  // namespace trimaran
