// One thread with its own loop and its own UDP sockets. Nothing is shared with other threads but the snapshot, which
// nobody changes; the rest of the program reaches in with post().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "nameserver/udp_server.h"

namespace trimaran {

class UdpThread {
 public:
  explicit UdpThread(SnapshotPtr snapshot);
  ~UdpThread();  // stops and joins; datagrams that are still queued stay in the socket for its next owner
  UdpThread(const UdpThread&) = delete;
  UdpThread& operator=(const UdpThread&) = delete;

  // `address` is its name. A socket that cannot be served is logged and closed.
  void add_socket(Fd socket, std::string address);
  // Closes the sockets whose name is not in the list, then calls `done` in this thread.
  void keep_sockets(std::vector<std::string> addresses, std::function<void()> done);
  void set_snapshot(SnapshotPtr snapshot);
  const NameserverCounters& counters() const { return counters_; }

 private:
  struct Served {
    std::string address;
    std::unique_ptr<UdpServer> server;
  };

  NameserverCounters counters_;
  EventLoop loop_;
  SnapshotPtr snapshot_;  // these two belong to the thread
  std::vector<Served> served_;
  std::thread thread_;
};

}  // namespace trimaran
