// What every connection of one front thread shares. Built by the FrontThread; connections and exchanges borrow it.
#pragma once

#include <memory>
#include <vector>

#include "front/access_log.h"
#include "front/buffer_pool.h"
#include "front/client_table.h"
#include "front/clock.h"
#include "front/counters.h"
#include "front/file_cache.h"
#include "front/snapshot.h"
#include "os/event_loop.h"

namespace trimaran::front {

class Connection;
class HttpExchange;

// Connections linked through themselves; each is in one of two lists, and `idle` is in the order in which they became
// idle.
class ConnectionList {
 public:
  void push_back(Connection& connection);
  void remove(Connection& connection);
  Connection* front() const { return head_; }

 private:
  Connection* head_ = nullptr;
  Connection* tail_ = nullptr;
};

class Context {
 public:
  static constexpr size_t kFreeExchangesMax = 256;

  explicit Context(ClientTable& shared_clients);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void close_all();   // every connection, at once
  void close_idle();  // those between two requests

  // Calls connection.advance() at the end of this round, once; how work that a handler's call made possible is done
  // without calling back into the handler from inside its own call.
  void wake(Connection& connection);
  void forget(Connection& connection);

  std::unique_ptr<HttpExchange> take_exchange();
  void give(std::unique_ptr<HttpExchange> exchange);

  // A request begins and ends with the snapshot that is current at its beginning.
  void set_snapshot(std::unique_ptr<Snapshot> snapshot);
  Snapshot* acquire_snapshot();
  void release_snapshot(Snapshot* snapshot);
  const LimitsConfig& limits() const { return snapshot_->limits(); }

  EventLoop loop;
  Clock clock;
  BufferPool buffers;
  Counters counters;
  AccessLog access_log;
  FileCache files;
  ClientTable& clients;
  ConnectionList idle;
  ConnectionList active;
  bool draining = false;

 private:
  void run_woken();

  std::vector<Connection*> woken_;
  bool run_is_due_ = false;
  std::vector<std::unique_ptr<HttpExchange>> free_exchanges_;
  std::unique_ptr<Snapshot> snapshot_;
  std::vector<std::unique_ptr<Snapshot>> retired_;  // still used by requests under way
};

}  // namespace trimaran::front
