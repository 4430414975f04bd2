// DNS over TCP (RFC 7766): two bytes of length, then a message; queries may be pipelined. Whoever holds a connection
// without getting on with it loses it, and when all places are taken the one that has rested longest goes: a crowd of
// silent connections can never keep a resolver out.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nameserver/udp_server.h"
#include "os/event_loop.h"
#include "os/socket.h"
#include "os/timer.h"

namespace trimaran {

class TcpConnection;

struct TcpLimits {
  size_t connections = 512;                // of the process
  size_t connections_per_client = 64;      // of one address; resolvers of a large provider share one
  size_t queries_per_connection = 10'000;  // then it is closed, so that no client owns its place for ever
  Millis idle_ms = 10'000;                 // without a whole query or a wholly taken answer (RFC 7766 section 6.2.3)
};

class TcpServer final : public IoHandler, public Timer {
 public:
  static constexpr size_t kReadBytes = 16 * 1024;              // taken from a socket at a time
  static constexpr size_t kMaxQueryBytes = 4096;               // a longer message is no query; its connection is closed
  static constexpr size_t kMaxPendingReplyBytes = 128 * 1024;  // then nothing more is read until the peer takes some
  static constexpr Millis kSweepMs = 500;                      // how often the idle ones are looked for
  static constexpr int kAcceptsPerRound = 64;

  // `listener` is listening and non-blocking. Everything happens in the loop's thread.
  TcpServer(EventLoop& loop, SnapshotPtr snapshot, NameserverCounters& counters, TcpLimits limits = {});
  ~TcpServer() override;

  // `address` is its name: keep_listeners() closes those that it does not find in its list.
  Status listen(Fd listener, std::string address);
  void keep_listeners(const std::vector<std::string>& addresses);
  void set_snapshot(SnapshotPtr snapshot) { snapshot_ = std::move(snapshot); }
  // Accepts no more and closes what rests; what has answers to take keeps its deadline.
  void drain();
  size_t connection_count() const { return connections_.size(); }

  void on_io(uint32_t events) override;

 private:
  friend class TcpConnection;
  struct Listening {
    Fd fd;
    std::string address;
  };
  using Connections = std::list<std::unique_ptr<TcpConnection>>;  // ordered by last progress, oldest first

  void on_timer() override;
  void admit(Fd socket, const sockaddr_in6& peer);
  void close(TcpConnection& connection);
  void progressed(TcpConnection& connection);

  EventLoop& loop_;
  SnapshotPtr snapshot_;
  NameserverCounters& counters_;
  TcpLimits limits_;
  std::vector<Listening> listeners_;
  Connections connections_;
  std::map<std::string, size_t> per_client_;
  std::unique_ptr<char[]> read_buffer_;   // kReadBytes, shared: only a half-read query stays with its connection
  std::unique_ptr<char[]> reply_buffer_;  // dns::kMaxTcpBytes
};

}  // namespace trimaran
