// All that the front is told of applications (role/role.h), in one place: whoever may need a worker is found here. A
// front that is not up is told nothing; when it starts, everything is said again (Site::front_started()).
#pragma once

#include <string>
#include <string_view>

#include "supervisor/lease.h"
#include "supervisor/network_role.h"

namespace trimaran {

struct Generation;
class Upstream;

class FrontLine {
 public:
  explicit FrontLine(NetworkRole& front) : front_(front) {}

  // A traceback of forty lines is a tenth of it; the message has room for four times as much.
  static constexpr size_t kLogBytesMax = 16 * 1024;

  void app(const std::string& site, std::string_view state, const std::string& reason, const std::string& log);
  void shares(const std::string& site, const std::string& shares);
  // No new request for this worker.
  void retire(const std::string& site, const std::string& worker);
  // The drain limit of a generation: its tunnels end.
  void cut(const std::string& site, int generation);
  // Asks for the load of every application.
  void ask_load();
  // A channel and a ledger between the worker and every thread of each front. An error leaves the worker half
  // connected: it has to start again.
  Status connect(Service& worker, const std::string& number, const Generation& generation);
  // The same for a program that listens by itself. Each front holds on to its lease until it is done with the target.
  Status connect(const Upstream& upstream, const Lease& lease, pid_t pid, const std::string& number,
                 const Generation& generation);

 private:
  Status connect(Service& worker, const std::string& number, const Generation& generation, Service& front);
  void send(const Message& message);
  Message target(pid_t pid, const std::string& number, const Generation& generation, std::string_view protocol,
                 int thread) const;

  NetworkRole& front_;
};

}  // namespace trimaran
