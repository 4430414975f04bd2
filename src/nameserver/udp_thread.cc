#include "nameserver/udp_thread.h"

#include <algorithm>

#include "base/log.h"

namespace trimaran {

UdpThread::UdpThread(SnapshotPtr snapshot) : snapshot_(std::move(snapshot)), thread_([this] { loop_.run(); }) {}

UdpThread::~UdpThread() {
  loop_.stop();
  thread_.join();
}

void UdpThread::add_socket(Fd socket, std::string address) {
  auto served = std::make_shared<Served>();  // std::function wants something that can be copied
  *served = {std::move(address), std::make_unique<UdpServer>(loop_, std::move(socket), nullptr, counters_)};
  loop_.post([this, served] {
    served->server->set_snapshot(snapshot_);
    if (Status started = served->server->start(); !started) return log_error(started.error().message);
    served_.push_back(std::move(*served));
  });
}

void UdpThread::keep_sockets(std::vector<std::string> addresses, std::function<void()> done) {
  loop_.post([this, addresses = std::move(addresses), done = std::move(done)] {
    std::erase_if(served_, [&](const Served& served) {
      return std::find(addresses.begin(), addresses.end(), served.address) == addresses.end();
    });
    done();
  });
}

void UdpThread::set_snapshot(SnapshotPtr snapshot) {
  loop_.post([this, snapshot] {
    snapshot_ = snapshot;
    for (Served& served : served_) served.server->set_snapshot(snapshot);
  });
}

}  // namespace trimaran
