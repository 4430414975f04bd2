#include "cli/daemon.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "cli/options.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "control/report_json.h"

namespace trimaran {
namespace {

// An error is already an exit code: it has been printed.
std::expected<Daemon, int> find_daemon(const std::string& option) {
  std::string file = find_site_file(option);
  if (file.empty()) return std::unexpected(kExitUsage);
  auto sources = read_sources(file);
  if (!sources) {
    fmt::print(stderr, "error: {}\n", sources.error().message);
    return std::unexpected(kExitUsage);
  }
  // A file with mistakes still says where its daemon is, unless the mistake is just there.
  ParsedConfig parsed = parse_config(*sources);
  if (parsed.config.run_dir.empty()) {
    std::fputs(format_diagnostics(parsed.diagnostics, *sources).c_str(), stderr);
    return std::unexpected(kExitUsage);
  }
  return Daemon{file, parsed.config.control_socket()};
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code failed;
  return a == b || std::filesystem::weakly_canonical(a, failed) == std::filesystem::weakly_canonical(b, failed);
}

}  // namespace

int complain(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return kExitFailed;
}

std::unexpected<int> unanswered(const Daemon& daemon, const Error& error) {
  if (error.os_errno != ENOENT && error.os_errno != ECONNREFUSED) return std::unexpected(complain(error));
  fmt::print(stderr, "error: no trimaran runs for {} (nothing answers at {}); start it with: trimaran run -c {}\n",
             daemon.file, daemon.socket, daemon.file);
  return std::unexpected(kExitNoDaemon);
}

std::expected<ControlReply, int> ask(const Daemon& daemon, const std::string& method, const std::string& path,
                                     int wait_ms) {
  auto reply = control_request(daemon.socket, method, path, wait_ms);
  if (!reply) return unanswered(daemon, reply.error());
  return std::move(*reply);
}

std::expected<Running, int> find_running(const std::string& option) {
  auto daemon = find_daemon(option);
  if (!daemon) return std::unexpected(daemon.error());
  auto reply = ask(*daemon, "GET", "/status");
  if (!reply) return std::unexpected(reply.error());
  auto identity = daemon_identity(reply->body);
  if (!identity) return std::unexpected(complain(identity.error()));
  if (!same_file(identity->site_file, daemon->file)) {
    fmt::print(stderr,
               "error: the daemon behind {} runs {}, not {}; name its file with -c, or give this site a [server] run "
               "and state of its own\n",
               daemon->socket, identity->site_file, daemon->file);
    return std::unexpected(kExitNoDaemon);
  }
  return Running{std::move(*daemon), identity->pid, std::move(reply->body)};
}

}  // namespace trimaran
