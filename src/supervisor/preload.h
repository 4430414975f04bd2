// [app] preload: the process of a generation that has imported its application once, and forks the workers, which share
// that memory. It serves nobody. When it ends it is started again before the next worker; those that run do not notice:
// they are the supervisor's children.
//
// Rejected: clone(2) with CLONE_PARENT, which would make a worker our child without a second fork. It bypasses the C
// library: its thread would have a wrong number, and no library's fork handlers would run.
#pragma once

#include <vector>

#include "supervisor/fleet.h"
#include "supervisor/service.h"

namespace trimaran {

class Preload final : public ServiceOwner {
 public:
  // Both outlive it.
  Preload(Fleet& fleet, const Generation& generation);

  Service& service() { return service_; }
  const Service& service() const { return service_; }

  // Asks for this worker, now or as soon as the application is imported. It says `forked` on its link, or somebody says
  // `failed` there; at the least the link is closed. At most one request of each worker waits here.
  Status fork(const SpawnOptions& worker);
  // Nothing is forked any more.
  void end();

 private:
  Result<SpawnOptions> prepare(Service&) override;
  void on_change(Service&) override;
  void answer_waiting();

  Fleet& fleet_;
  const Generation& generation_;
  std::vector<Message> waiting_;
  Service service_;
};

}  // namespace trimaran
