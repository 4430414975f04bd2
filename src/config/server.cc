// [server] and [log]: where the program lives on this machine. An ordinary user gets folders beside the site file, so
// that a first try needs no root and leaves nothing behind elsewhere.
#include <fmt/format.h>
#include <pwd.h>
#include <sys/un.h>

#include <algorithm>
#include <thread>

#include "config/tables.h"

namespace trimaran {
namespace {

constexpr int kMaxThreads = 64;         // a pool keeps one bit for each (pool/pool.h, kThreadsMax)
constexpr int kMaxDefaultThreads = 16;  // more gain nothing before the application is the limit

// The longest name of a socket in the run folder.
constexpr std::string_view kLongestSocket = "/control.sock";
// sun_path with its final NUL (unix(7)).
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

void check_run_folder(TableReader& reader, const FileScope& scope, const Config& config) {
  size_t length = config.run_dir.size() + kLongestSocket.size();
  if (length <= kMaxSocketPath) return;
  std::string message = fmt::format("the run folder {} is too long: a socket's path has at most {} bytes, {}{} has {}",
                                    config.run_dir, kMaxSocketPath, config.run_dir, kLongestSocket, length);
  scope.report(reader.place("run"), message, "set run in [server] to a shorter folder");
}

}  // namespace

void check_user(TableReader& reader, const FileScope& scope, const std::string& user, const std::string& hint) {
  if (!scope.look_at_files() || getpwnam(user.c_str()) != nullptr) return;
  reader.report("user", fmt::format("there is no user {} on this system", user), hint);
}

void read_server(const TomlValue* table, const FileScope& scope, const SourceBundle& sources, Config& out) {
  TableReader reader(table, "[server]", scope);
  bool as_root = sources.as_root;
  std::string user = sources.default_user;
  reader.read_text("user", user);
  if (as_root) {
    out.user = user;
    check_user(reader, scope, user, "set user in [server]");
  }
  out.state_dir = as_root ? "/var/lib/trimaran" : scope.absolute(".trimaran");
  reader.read_path("state", out.state_dir);
  out.run_dir = as_root ? "/run/trimaran" : out.state_dir + "/run";
  reader.read_path("run", out.run_dir);
  check_run_folder(reader, scope, out);
  out.threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxDefaultThreads);
  reader.read_number_as("threads", out.threads, 1, kMaxThreads);
  std::string sites;
  reader.read_folder("sites", sites);  // read_sources() has read what is in it
  reader.report_unknown_keys();
}

void read_log(const TomlValue* table, const FileScope& scope, Config& out) {
  TableReader reader(table, "[log]", scope);
  out.access_log = out.state_dir + "/access.log";
  std::string access;
  if (reader.read_text("access", access)) {
    out.access_log = access == "-" || access == "off" ? access : scope.absolute(access);
  }
  reader.report_unknown_keys();
}

}  // namespace trimaran
