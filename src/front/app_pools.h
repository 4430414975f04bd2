// The pools of all sites that have an application, and each front thread's way to their workers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "front/app_handler.h"
#include "front/apps.h"
#include "pool/pool.h"

namespace trimaran::front {

// Shared by all threads of the front. A pool is made when its site is first heard of and lives as long as the front.
class AppPools {
 public:
  // Tells the supervisor; called in any thread.
  using Tell = std::function<void(Message)>;

  AppPools(size_t threads, Tell tell) : loops_(threads, nullptr), tell_(std::move(tell)) {}

  // Called once by each thread; the number of the thread in every pool.
  size_t join(EventLoop& loop);
  pool::Pool& pool(const std::string& site);
  // What a message means for the pool that all threads share: `app` and `shares`. From the main thread only, because
  // two messages in a row may reach the threads in any order.
  void on_message(const Message& message);
  void tell(Message message) const { tell_(std::move(message)); }
  // One `load` for each site.
  void tell_loads() const;
  // {"foobar.com": {"targets": 2, "busy": 1, "queued": 0, ...}, ...}
  std::string status_json() const;

 private:
  mutable std::mutex mutex_;
  size_t joined_ = 0;
  std::vector<EventLoop*> loops_;
  const Tell tell_;
  std::map<std::string, std::unique_ptr<pool::Pool>> pools_;
};

// The Apps of one thread.
std::unique_ptr<Apps> make_pooled_apps(AppPools& pools, EventLoop& loop);

}  // namespace trimaran::front
