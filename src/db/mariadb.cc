#include "db/mariadb.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/strings.h"
#include "db/programs.h"

namespace trimaran {
namespace {

constexpr size_t kDatabaseNameMax = 64;
constexpr size_t kSocketPathMax = 107;  // sun_path without its NUL
constexpr const char* kPackage = "mariadb-server-core";

// Small, because it shares a machine with the whole site; one fsync a commit, because an acknowledged write is kept.
constexpr std::string_view kTuning =
    "skip-name-resolve\n"
    "character-set-server=utf8mb4\n"
    "innodb_buffer_pool_size=32M\n"
    "innodb_log_file_size=32M\n"
    "innodb_log_buffer_size=2M\n"
    "innodb_flush_log_at_trx_commit=1\n"
    "key_buffer_size=64K\n"
    "aria_pagecache_buffer_size=1M\n"
    "max_connections=64\n"
    "performance_schema=OFF\n"
    "query_cache_type=0\n"
    "thread_cache_size=8\n";

bool is_folder(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

Status own(const std::string& path, const std::optional<Credentials>& owner) {
  if (owner && ::lchown(path.c_str(), owner->uid, owner->gid) != 0) return errno_error("cannot give away " + path);
  return {};
}

Status make_owned_folder(const std::string& path, const std::optional<Credentials>& owner, unsigned mode) {
  if (Status made = make_directories(path, mode); !made) return made;
  return own(path, owner);
}

std::string quote_name(std::string_view name) {
  std::string out = "`";
  for (char c : name) out += c == '`' ? "``" : std::string(1, c);
  return out + "`";
}

// In GRANT the name of a database is a pattern: _ and % must be escaped.
std::string quote_pattern(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == '_' || c == '%') out += '\\';
    out += c;
  }
  return quote_name(out);
}

}  // namespace

MariadbPaths MariadbPaths::in(const std::string& state_dir, const std::string& run_dir) {
  MariadbPaths paths;
  paths.data = state_dir + "/mariadb";
  paths.data_new = state_dir + "/mariadb.new";
  paths.temporary = state_dir + "/mariadb.tmp";
  paths.lock = state_dir + "/mariadb.lock";
  paths.config = state_dir + "/mariadb.cnf";
  paths.config_install = state_dir + "/mariadb-install.cnf";
  paths.init = state_dir + "/mariadb-init.sql";
  paths.runtime = run_dir + "/mariadb";
  paths.server_socket = paths.runtime + "/db.sock";
  paths.socket = run_dir + "/db.sock";
  paths.pid_file = paths.runtime + "/mariadbd.pid";
  return paths;
}

Result<MariadbPrograms> find_mariadb() {
  auto server = find_program("mariadbd", kPackage);
  if (!server) return std::unexpected(server.error());
  auto install = find_program("mariadb-install-db", kPackage);
  if (!install) return std::unexpected(install.error());
  return MariadbPrograms{*server, *install};
}

Credentials mariadb_user(bool as_root, const Credentials& app_user) {
  if (!as_root) return app_user;
  auto mysql = find_user("mysql");
  return mysql ? *mysql : app_user;
}

std::string mariadb_database_name(std::string_view domain) {
  std::string out(domain);
  // A host name has no underscore, so two domains never meet in one name.
  for (char& c : out) c = c == '.' ? '_' : c;
  if (out.size() <= kDatabaseNameMax) return out;
  uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (char c : domain) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return out.substr(0, kDatabaseNameMax - 17) + "_" + hex;
}

std::string mariadb_config(const MariadbPaths& paths) {
  return "# Written by trimaran at each start.\n[mariadbd]\ndatadir=" + paths.data + "\ntmpdir=" + paths.temporary +
         "\nsocket=" + paths.server_socket + "\npid-file=" + paths.pid_file + "\ninit-file=" + paths.init +
         "\nskip-networking\n" + std::string(kTuning);
}

std::string mariadb_install_config(const MariadbPaths& paths) {
  return "# Written by trimaran.\n[mariadbd]\ndatadir=" + paths.data_new + "\ntmpdir=" + paths.temporary + "\n" +
         std::string(kTuning);
}

std::string mariadb_init_sql(const std::vector<MariadbDatabase>& databases) {
  std::string out;
  for (const auto& [name, user] : databases) {
    std::string account = quote_name(user) + "@localhost";
    out += "CREATE USER IF NOT EXISTS " + account + " IDENTIFIED VIA unix_socket;\n";
    out += "CREATE DATABASE IF NOT EXISTS " + quote_name(name) + " CHARACTER SET utf8mb4;\n";
    out += "GRANT ALL PRIVILEGES ON " + quote_pattern(name) + ".* TO " + account + ";\n";
  }
  return out;
}

std::vector<std::string> mariadb_install_command(const MariadbPrograms& programs, const MariadbPaths& paths,
                                                 const std::string& user) {
  return {programs.install,
          "--defaults-file=" + paths.config_install,
          "--auth-root-authentication-method=socket",
          "--auth-root-socket-user=" + user,
          "--skip-test-db",
          "--skip-name-resolve"};
}

std::vector<std::string> mariadb_server_command(const MariadbPrograms& programs, const MariadbPaths& paths) {
  return {programs.server, "--defaults-file=" + paths.config};
}

Status prepare_mariadb(const MariadbPaths& paths, const std::optional<Credentials>& owner,
                       const std::vector<MariadbDatabase>& databases) {
  if (paths.server_socket.size() > kSocketPathMax) {
    return make_error("the socket path " + paths.server_socket + " is longer than the kernel's 107 bytes");
  }
  if (Status made = make_owned_folder(paths.runtime, owner, 0755); !made) return made;
  if (Status made = make_owned_folder(paths.temporary, owner, 0700); !made) return made;
  if (Status written = write_file(paths.config, mariadb_config(paths)); !written) return written;
  if (Status written = write_file(paths.init, mariadb_init_sql(databases)); !written) return written;
  ::unlink(paths.socket.c_str());
  if (::symlink("mariadb/db.sock", paths.socket.c_str()) != 0) return errno_error("cannot create " + paths.socket);
  if (is_folder(paths.data)) return {};

  std::error_code failed;
  std::filesystem::remove_all(paths.data_new, failed);
  if (failed) return make_error("cannot remove " + paths.data_new + ": " + failed.message());
  if (Status written = write_file(paths.config_install, mariadb_install_config(paths)); !written) return written;
  return make_owned_folder(paths.data_new, owner, 0700);
}

Status commit_mariadb_install(const MariadbPaths& paths) {
  if (::rename(paths.data_new.c_str(), paths.data.c_str()) != 0) return errno_error("cannot rename " + paths.data_new);
  ::unlink(paths.config_install.c_str());
  return {};
}

std::optional<pid_t> find_mariadb_survivor(const MariadbPaths& paths) {
  auto text = read_plain_file(paths.pid_file, 64);  // in a folder of the server's user
  auto pid = text ? parse_u64(trim(*text)) : std::nullopt;
  if (!pid || *pid < 2) return std::nullopt;
  auto command = read_file("/proc/" + std::to_string(*pid) + "/cmdline", 64 * 1024);
  if (!command) return std::nullopt;
  for (std::string_view word : split(*command, '\0')) {
    if (word == "--defaults-file=" + paths.config) return static_cast<pid_t>(*pid);
  }
  return std::nullopt;
}

}  // namespace trimaran
