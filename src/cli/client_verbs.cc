// The verbs that talk to the running daemon: status, reload, upgrade, pause, resume, stop, db restart.
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cli/daemon.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "control/control_api.h"
#include "control/report_json.h"
#include "os/fd.h"
#include "supervisor/database_restart.h"

namespace trimaran {
namespace {

constexpr int kDatabaseRestartWaitMs = DatabaseRestart::kQuietMs + DatabaseRestart::kServeMs + kControlWaitMs;
constexpr int kStopWaitMs = 180'000;  // longer than the deadlines of all services together

// The daemon's own words. Nothing was harmed by a refusal.
int show(const ControlReply& reply) {
  std::string message = json_message(reply.body);
  if (reply.status != 200) return complain(Error{message});
  fmt::print("{}\n", message);
  return kExitDone;
}

}  // namespace

int verb_status(int argc, char** argv) {
  std::string config;
  bool json = false;
  Options options("status", "Shows what runs. Exit code 4: something does not serve.");
  options.site_file(config).flag("--json", json, "as JSON");
  if (auto code = options.parse(argc, argv)) return *code;
  auto running = find_running(config);
  if (!running) return running.error();
  bool colour = !json && ::isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
  auto text = status_text(running->status, colour);
  if (!text) return complain(text.error());
  std::fputs(json ? running->status.c_str() : text->text.c_str(), stdout);
  return text->degraded ? kExitDegraded : kExitDone;
}

int verb_reload(int argc, char** argv) {
  std::string config;
  Options options("reload",
                  "Puts the changed site file in force; no connection is touched. Returns when the new workers serve.");
  options.site_file(config);
  if (auto code = options.parse(argc, argv)) return *code;
  auto running = find_running(config);
  if (!running) return running.error();
  auto reply = ask(running->daemon, "POST", "/reload", kReloadWaitMs);
  if (!reply) return reply.error();
  std::string message = json_message(reply->body);
  if (reply->status == 200) {
    fmt::print("{}\n", message);
    return kExitDone;
  }
  // 503: it is in force, and the message says which workers are not.
  fmt::print(stderr, "{}{}\n{}", reply->status == 422 ? "" : "error: ", message,
             reply->status == 503 ? "" : "the old configuration still serves\n");
  return reply->status == 422 ? kExitUsage : kExitFailed;
}

int verb_upgrade(int argc, char** argv) {
  std::string config, binary;
  Options options("upgrade",
                  "The running daemon becomes another version of trimaran: same process, no request lost. Returns when "
                  "the new one serves. Exit code 1: the old one still serves.");
  options.site_file(config).text("--binary", binary, "the new program (default: the path that the daemon runs from)");
  if (auto code = options.parse(argc, argv)) return *code;
  auto running = find_running(config);
  if (!running) return running.error();
  if (!binary.empty()) binary = std::filesystem::absolute(binary).lexically_normal().string();
  auto reply = ask(running->daemon, "POST", upgrade_target(binary), kUpgradeWaitMs);
  if (!reply) return reply.error();
  std::string message = json_message(reply->body);
  if (reply->status == 200) {
    fmt::print("{}\n", message);
    return kExitDone;
  }
  fmt::print(stderr, "error: {}\nwhat served before still serves\n", message);
  return kExitFailed;
}

namespace {

int pause_or_resume(const char* verb, const char* help, int argc, char** argv) {
  std::string config, site;
  Options options(verb, help);
  // As an argument of its own it is older than --site of the other verbs, and stays.
  options.text("site,--site", site, "the domain; without it every site").site_file(config);
  if (auto code = options.parse(argc, argv)) return *code;
  auto running = find_running(config);
  if (!running) return running.error();
  auto reply = ask(running->daemon, "POST", "/" + std::string(verb) + (site.empty() ? "" : "/" + site));
  return reply ? show(*reply) : reply.error();
}

}  // namespace

int verb_pause(int argc, char** argv) {
  return pause_or_resume("pause", "Lets requests for the application wait, up to [app] queue and queue_wait.", argc,
                         argv);
}

int verb_resume(int argc, char** argv) {
  return pause_or_resume("resume", "Lets requests that wait since a pause go on.", argc, argv);
}

int restart_database(const std::string& config) {
  auto running = find_running(config);
  if (!running) return running.error();
  auto reply = ask(running->daemon, "POST", "/database/restart", kDatabaseRestartWaitMs);
  return reply ? show(*reply) : reply.error();
}

int verb_stop(int argc, char** argv) {
  std::string config;
  Options options("stop", "Ends the site in order, and returns when it has ended.");
  options.site_file(config);
  if (auto code = options.parse(argc, argv)) return *code;
  auto running = find_running(config);
  if (!running) return running.error();
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, running->pid, 0)));  // to see its end
  auto reply = ask(running->daemon, "POST", "/stop");
  if (!reply) return reply.error();
  pollfd wait{process.get(), POLLIN, 0};
  if (process && ::poll(&wait, 1, kStopWaitMs) != 1) {
    fmt::print(stderr, "error: trimaran is still stopping; trimaran status shows what it waits for\n");
    return kExitFailed;
  }
  return kExitDone;
}

}  // namespace trimaran
