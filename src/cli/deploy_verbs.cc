// The verbs about releases: deploy, releases, rollback, promote. What the daemon does is shown while it does it.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "base/strings.h"
#include "cli/daemon.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "control/deploy_api.h"

namespace trimaran {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string with_query(std::string path, const Parameters& parameters) {
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    path += separator + name + "=" + percent_encode(value);
    separator = '&';
  }
  return path;
}

// Asks for the change and shows its steps. The last line is the outcome.
int change(const std::string& config, const std::string& path, const Parameters& parameters) {
  auto running = find_running(config);
  if (!running) return running.error();
  std::optional<int> exit_code;
  auto show = [&](std::string_view line) {
    auto step = read_change_line(line);
    if (!step) return void(complain(step.error()));
    if (step->exit_code) exit_code = step->exit_code;
    bool failed = step->exit_code.value_or(0) != 0;
    fmt::print(failed ? stderr : stdout, "{}{}\n", failed ? "error: " : "", step->text);
    std::fflush(stdout);
  };
  auto reply = control_stream(running->daemon.socket, "POST", with_query(path, parameters), show);
  if (!reply) return unanswered(running->daemon, reply.error()).error();
  if (reply->status != 200) return complain(Error{json_message(reply->body)});
  if (exit_code) return *exit_code;
  return complain(Error{"trimaran ended before it was done; what served before is served again when it starts"});
}

}  // namespace

int verb_deploy(int argc, char** argv) {
  std::string config, source, site, canary;
  Options options(
      "deploy",
      "Makes a release of a folder or an archive and switches to it once it has proved itself. Exit code 1: "
      "it has not, and what served before still serves.");
  options.text("source", source, "a folder, or a .tar, .tar.gz, .tgz, .tar.zst, .tar.xz or .zip", true);
  options.text("--site", site, "the domain, when there are several sites");
  options.text("--canary", canary, "give it only this share of the requests, such as 10%, until trimaran promote");
  options.site_file(config);
  if (auto code = options.parse(argc, argv)) return *code;
  if (options.given("--canary")) {
    if (auto percent = read_canary(canary); !percent) {
      complain(percent.error());
      return kExitUsage;
    }
  }
  // The daemon has another working directory. It resolves links itself, once.
  std::string absolute = std::filesystem::absolute(source).lexically_normal().string();
  return change(config, "/deploy", {{"source", absolute}, {"site", site}, {"canary", canary}});
}

int verb_rollback(int argc, char** argv) {
  std::string config, release, site;
  Options options("rollback", "Switches back: at once while the workers of that release are warm. Ends a canary.");
  options.text("release", release, "of trimaran releases; without it what served before");
  options.text("--site", site, "the domain, when there are several sites").site_file(config);
  if (auto code = options.parse(argc, argv)) return *code;
  return change(config, "/rollback", {{"release", release}, {"site", site}});
}

int verb_promote(int argc, char** argv) {
  std::string config, site;
  Options options("promote", "Gives all requests to the canary that trimaran deploy --canary has started.");
  options.text("--site", site, "the domain, when there are several sites").site_file(config);
  if (auto code = options.parse(argc, argv)) return *code;
  return change(config, "/promote", {{"site", site}});
}

int verb_releases(int argc, char** argv) {
  std::string config, site;
  bool json = false;
  Options options("releases", "Shows the releases that are on the disk, the newest first.");
  options.text("--site", site, "the domain, when there are several sites");
  options.site_file(config).flag("--json", json, "as JSON");
  if (auto code = options.parse(argc, argv)) return *code;
  auto running = find_running(config);
  if (!running) return running.error();
  auto reply = ask(running->daemon, "GET", with_query("/releases", {{"site", site}}));
  if (!reply) return reply.error();
  if (reply->status != 200) return complain(Error{json_message(reply->body)});
  auto text = releases_text(reply->body);
  if (!text) return complain(text.error());
  std::fputs(json ? reply->body.c_str() : text->c_str(), stdout);
  return kExitDone;
}

}  // namespace trimaran
