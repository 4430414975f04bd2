#include "supervisor/upstream.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/socket.h"
#include "supervisor/php_fpm.h"
#include "supervisor/procfile.h"
#include "supervisor/shell_command.h"

namespace trimaran {
namespace {

constexpr int kListenFd = 3;    // SD_LISTEN_FDS_START of sd_listen_fds(3)
constexpr int kBacklog = 4096;  // who connects while the program starts again waits here

// Programs accept from it as they would from one of their own: blocking.
Status make_blocking(const Fd& listener) {
  int flags = ::fcntl(listener.get(), F_GETFL);
  if (flags < 0 || ::fcntl(listener.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return errno_error("cannot change the mode of a listener");
  }
  return {};
}

Result<std::string> http_command(const AppConfig& app, const std::optional<Credentials>& user) {
  if (!app.target.empty()) return app.target;
  auto lines = read_procfile(app.directory, user);
  if (!lines) return std::unexpected(lines.error());
  std::string command = procfile_command(*lines, "web");
  if (command.empty()) {
    return make_error("run = \"http:\" names no command, and " + app.directory +
                      "/Procfile has no line \"web: COMMAND\"");
  }
  return command;
}

}  // namespace

Result<uint16_t> PortRange::take() {
  for (uint16_t i = 0; i < kCount; ++i) {
    auto port = static_cast<uint16_t>(kFirst + next_);
    next_ = (next_ + 1) % kCount;
    if (listen_tcp(*parse_ip("127.0.0.1", port), {})) return port;
  }
  return make_error("no port between " + std::to_string(kFirst) + " and " + std::to_string(kFirst + kCount - 1) +
                    " is free");
}

bool speaks_for_itself(AppKind kind) { return kind == AppKind::http || kind == AppKind::php; }

Upstream::~Upstream() {
  if (site_.app->kind != AppKind::php) return;
  ::unlink((stem_ + ".sock").c_str());
  ::unlink((stem_ + ".conf").c_str());
}

void Upstream::save(StateRecord& record) const {
  record.set("stem", stem_).set("protocol", protocol_).set("address", address_).set("root", root_);
  record.set_fd("listener", listener_.get());
}

void Upstream::adopt(const StateRecord& record) {
  stem_ = record.text("stem");
  protocol_ = record.text("protocol");
  address_ = record.text("address");
  root_ = record.text("root");
  listener_ = record.take_fd("listener");
}

// php-fpm finishes what is under way at SIGQUIT (php-fpm8.2(8)); it drops that at SIGTERM.
int Upstream::drain_signal(AppKind kind) { return kind == AppKind::php ? SIGQUIT : SIGTERM; }

Status Upstream::prepare(SpawnOptions& options) {
  const AppConfig& app = *site_.app;
  if (app.kind == AppKind::php) return prepare_php(options);
  protocol_ = "http";
  auto command = http_command(app, options.user);
  if (!command) return std::unexpected(command.error());
  // The shell becomes the program: signals reach it, and LISTEN_PID is its own.
  options.argv = {"/bin/sh", "-c", (app.listen_fd ? "export LISTEN_PID=$$; " : "") + exec_command(*command)};
  return app.listen_fd ? prepare_socket(options) : prepare_port(options);
}

Status Upstream::prepare_port(SpawnOptions& options) {
  auto port = ports_.take();
  if (!port) return std::unexpected(port.error());
  address_ = "127.0.0.1:" + std::to_string(*port);
  options.environment.push_back("HOST=127.0.0.1");
  options.environment.push_back("PORT=" + std::to_string(*port));
  return {};
}

Status Upstream::prepare_socket(SpawnOptions& options) {
  if (!listener_) {
    auto port = ports_.take();
    if (!port) return std::unexpected(port.error());
    auto listener = listen_tcp(*parse_ip("127.0.0.1", *port), {.backlog = kBacklog});
    if (!listener) return std::unexpected(listener.error());
    listener_ = std::move(*listener);
    address_ = "127.0.0.1:" + std::to_string(*port);
    if (Status blocking = make_blocking(listener_); !blocking) return blocking;
  }
  options.descriptors.emplace_back(kListenFd, listener_.get());
  options.environment.push_back("LISTEN_FDS=1");
  options.environment.push_back("LISTEN_FDNAMES=web");
  return {};
}

// The socket is ours and php-fpm inherits it, as it inherits its own over a reload (FPM_SOCKETS). php-fpm removes the
// file when it ends in order, so it may have to be made again.
Status Upstream::prepare_php(SpawnOptions& options) {
  auto program = find_php_fpm();
  if (!program) return std::unexpected(program.error());
  protocol_ = "fastcgi";
  root_ = site_.app->target;
  address_ = stem_ + ".sock";
  if (!listener_ || ::access(address_.c_str(), F_OK) != 0) {
    auto listener = listen_unix(address_, 0600);
    if (!listener) return std::unexpected(listener.error());
    listener_ = std::move(*listener);
    if (::listen(listener_.get(), kBacklog) != 0) return errno_error("cannot listen on " + address_);
    if (Status blocking = make_blocking(listener_); !blocking) return blocking;
    const auto& front = runtime_.drop;
    if (front && ::lchown(address_.c_str(), front->uid, front->gid) != 0) {
      return errno_error("cannot give the socket " + address_ + " to " + front->name);
    }
  }
  std::string config = stem_ + ".conf";
  if (Status written = write_file(config, php_fpm_config(*site_.app, address_)); !written) return written;
  options.argv = php_fpm_argv(*program, config);
  options.descriptors.emplace_back(kListenFd, listener_.get());
  options.environment.push_back("FPM_SOCKETS=" + address_ + "=" + std::to_string(kListenFd));
  return {};
}

}  // namespace trimaran
