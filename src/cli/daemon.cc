#include "cli/daemon.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "cli/options.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "control/control_sockets.h"
#include "control/report_json.h"

namespace trimaran {
namespace {

// That a daemon which was not asked for by its own file answers, or does not.
constexpr int kSearchWaitMs = 2'000;

// Where the file says that its daemon is. The error is for the terminal.
std::expected<Daemon, std::string> daemon_of(const std::string& file) {
  auto sources = read_sources(file);
  if (!sources) return std::unexpected(fmt::format("error: {}\n", sources.error().message));
  // A file with mistakes still says where its daemon is, unless the mistake is just there.
  ParsedConfig parsed = parse_config(*sources);
  if (parsed.config.run_dir.empty()) return std::unexpected(format_diagnostics(parsed.diagnostics, *sources));
  return Daemon{file, parsed.config.control_socket()};
}

// Nobody listens there.
bool is_nobody(const Error& error) { return error.os_errno == ENOENT || error.os_errno == ECONNREFUSED; }

bool same_file(const std::string& a, const std::string& b) {
  std::error_code failed;
  return a == b || std::filesystem::weakly_canonical(a, failed) == std::filesystem::weakly_canonical(b, failed);
}

// Nothing: it answers, and is another file's.
Result<std::optional<Running>> running_at(const Daemon& daemon, int wait_ms, std::string& other_file) {
  auto reply = control_request(daemon.socket, "GET", "/status", wait_ms);
  if (!reply) return std::unexpected(std::move(reply.error()));
  auto identity = daemon_identity(reply->body);
  if (!identity) return std::unexpected(std::move(identity.error()));
  other_file = identity->site_file;
  if (!same_file(identity->site_file, daemon.file)) return std::nullopt;
  return Running{daemon, identity->pid, std::move(reply->body)};
}

// The daemon of a file that does not say where it is, or says it wrongly: it runs from what it last accepted.
std::optional<Running> search_running(const std::string& file) {
  std::string other_file;
  for (const std::string& socket : own_control_sockets()) {
    auto running = running_at({file, socket}, kSearchWaitMs, other_file);
    if (running && *running) return std::move(*running);
  }
  return std::nullopt;
}

}  // namespace

int complain(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return kExitFailed;
}

std::unexpected<int> unanswered(const Daemon& daemon, const Error& error) {
  if (!is_nobody(error)) return std::unexpected(complain(error));
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
  std::string file = find_site_file(option);
  if (file.empty()) return std::unexpected(kExitUsage);
  auto daemon = daemon_of(file);
  std::string other_file;
  Result<std::optional<Running>> running = std::nullopt;
  if (daemon) {
    running = running_at(*daemon, kControlWaitMs, other_file);
    if (running && *running) return std::move(**running);
    if (!running && !is_nobody(running.error())) return std::unexpected(complain(running.error()));
  }
  if (auto found = search_running(file)) return std::move(*found);
  if (!daemon) {
    std::fputs(daemon.error().c_str(), stderr);
    return std::unexpected(kExitUsage);
  }
  if (!running) return unanswered(*daemon, running.error());
  fmt::print(stderr,
             "error: the daemon behind {} runs {}, not {}; name its file with -c, or give this site a [server] run "
             "and state of its own\n",
             daemon->socket, other_file, daemon->file);
  return std::unexpected(kExitNoDaemon);
}

}  // namespace trimaran
