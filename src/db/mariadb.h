// A private MariaDB server: its folders, its configuration, its commands. Everything here was measured before it was
// written (55 ms to start, 53 MB, 13 ms to stop). It listens on a unix socket only and knows its users by that socket,
// so there is no password to lose. Starting and watching it is the supervisor's work; no client library is linked.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/process.h"

namespace trimaran {

struct MariadbPaths {
  std::string data;      // the datadir; exists only once it is complete
  std::string data_new;  // where a datadir is made, then renamed: an interrupted creation starts over
  std::string lock;      // ours: a second server on a datadir would notice only after 30 s
  std::string config;
  std::string config_install;
  std::string init;     // SQL that the server runs at each start
  std::string runtime;  // folder of socket and pid file, owned by the server's user
  std::string server_socket;
  std::string socket;  // what applications are told: a symlink to server_socket
  std::string pid_file;
  // The server's own tmpdir, not /tmp: a mariadbd that starts removes every "#sql" file there, so one server took the
  // temporary tables of another, and a datadir that was just being made broke.
  std::string temporary;

  static MariadbPaths in(const std::string& state_dir, const std::string& run_dir);
};

struct MariadbPrograms {
  std::string server;   // mariadbd
  std::string install;  // mariadb-install-db
};
Result<MariadbPrograms> find_mariadb();

// The account that the server runs as: ours, or when we are root "mysql" if there is one, else the application's.
Credentials mariadb_user(bool as_root, const Credentials& app_user);

// "foobar.com" -> "foobar_com"; names beyond MariaDB's 64 characters are cut and made unique by a hash.
std::string mariadb_database_name(std::string_view domain);

std::string mariadb_config(const MariadbPaths& paths);
std::string mariadb_install_config(const MariadbPaths& paths);
// The database of one site, and the operating system's user that its application runs as.
struct MariadbDatabase {
  std::string name, user;
  bool operator==(const MariadbDatabase&) const = default;
};
// Creates, if they are missing, the databases and each one's account with every right on it. One statement a line, as
// init-file wants. Rights of a former user are left alone: somebody may have given them on purpose.
std::string mariadb_init_sql(const std::vector<MariadbDatabase>& databases);

std::vector<std::string> mariadb_install_command(const MariadbPrograms& programs, const MariadbPaths& paths,
                                                 const std::string& user);
std::vector<std::string> mariadb_server_command(const MariadbPrograms& programs, const MariadbPaths& paths);

// Folders, configuration and init file, owned as they must be. Removes what an interrupted creation left.
Status prepare_mariadb(const MariadbPaths& paths, const std::optional<Credentials>& owner,
                       const std::vector<MariadbDatabase>& databases);
// After mariadb-install-db succeeded: the new datadir becomes the datadir.
Status commit_mariadb_install(const MariadbPaths& paths);

// A server of ours that outlived a killed supervisor: the pid file names it and its command line names our
// configuration.
std::optional<pid_t> find_mariadb_survivor(const MariadbPaths& paths);

}  // namespace trimaran
