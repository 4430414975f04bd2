// The MariaDB server as a service: lock, survivor, creation, server, in this order, each step on evidence.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "db/mariadb.h"
#include "supervisor/database_restart.h"
#include "supervisor/lock_file.h"
#include "supervisor/runtime.h"
#include "supervisor/service.h"

namespace trimaran {

class Database final : public ServiceOwner, public RestartableServer {
 public:
  Database(const Runtime& runtime, const std::string& state_dir, const std::string& run_dir,
           std::function<void()> changed);
  ~Database() override;

  Service& service() { return server_; }
  const Service& service() const { return server_; }
  const Service& installer() const { return installer_; }
  bool creating() const { return !installer_.gone(); }  // the datadir, for the first time
  const MariadbPaths& paths() const { return paths_; }
  pid_t pid() const override { return server_.pid(); }
  bool serving() const override { return server_.serving(); }
  bool gone() const { return server_.gone() && installer_.gone() && !survivor_pidfd_; }
  const std::string& reason() const override;  // why it does not serve; "" while it is only starting

  void start(std::vector<MariadbDatabase> databases);
  // The databases that there are from now on; the server is started anew if one is missing.
  void change(std::vector<MariadbDatabase> databases);
  // A server that serves ends in order and is started again.
  void restart() override;
  void drain();

  // For an upgrade of the program. What is not running is simply started anew by start().
  bool settled() const { return installer_.gone() && !survivor_pidfd_; }
  void save(State& state) const;
  Status adopt(const StateRecord& record, std::vector<MariadbDatabase> databases);

 private:
  Result<SpawnOptions> prepare(Service& service) override;
  void on_change(Service& service) override;
  void begin();
  void wait_for_survivor(pid_t pid);
  void fail(const Error& error);
  bool installed() const;

  const Runtime& runtime_;
  MariadbPaths paths_;
  Credentials user_;
  std::function<void()> changed_;
  std::vector<MariadbDatabase> databases_;
  bool restart_wanted_ = false;
  bool draining_ = false;
  std::string reason_;
  LockFile lock_;
  Fd survivor_pidfd_;
  ReadWatch survivor_watch_;
  Alarm survivor_deadline_;
  Alarm retry_;
  Service installer_;
  Service server_;
};

}  // namespace trimaran
