// `trimaran db shell`: becomes the engine's own client.
#include <fmt/format.h>
#include <grp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/options.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "db/shell.h"
#include "os/process.h"
#include "release/current.h"

namespace trimaran {
namespace {

const SiteConfig* choose_site(const Config& config, const std::string& domain) {
  for (const SiteConfig& site : config.sites) {
    if (site.domain == domain || (domain.empty() && config.sites.size() == 1)) return &site;
  }
  std::string names;
  for (const SiteConfig& site : config.sites) names += (names.empty() ? "" : ", ") + site.domain;
  fmt::print(stderr, "error: {}; the sites are: {}\n",
             domain.empty() ? "say which site with --site" : "there is no site " + domain, names);
  return nullptr;
}

// MariaDB knows the application by its operating system user and refuses root; a file that sqlite3 makes beside the
// database must be the application's to write. So root becomes that user.
Status become_application_user(const Config& config, const SiteConfig& site) {
  if (::geteuid() != 0) return {};
  bool own = site.app && !site.app->user.empty();
  auto user = find_user(own ? site.app->user : config.user);
  if (!user) return std::unexpected(std::move(user.error()).with_context(own ? "[app] user" : "[server] user"));
  if (::setgroups(0, nullptr) != 0 || ::setgid(user->gid) != 0 || ::setuid(user->uid) != 0) {
    return errno_error("cannot become " + user->name);
  }
  return {};
}

int shell(const std::string& file, const std::string& domain) {
  auto sources = read_sources(file);
  if (!sources) {
    fmt::print(stderr, "error: {}\n", sources.error().message);
    return kExitUsage;
  }
  (void)release::add_current_releases(*sources);  // `trimaran run` and `trimaran check` say what is wrong there
  ParsedConfig parsed = parse_config(*sources);
  if (!parsed.diagnostics.empty()) {
    std::fputs(format_diagnostics(parsed.diagnostics, *sources).c_str(), stderr);
    return kExitUsage;
  }
  const SiteConfig* site = choose_site(parsed.config, domain);
  if (!site) return kExitUsage;
  auto command = database_shell(parsed.config, *site);
  if (!command) {
    fmt::print(stderr, "error: {}\n", command.error().message);
    return kExitFailed;
  }
  if (Status became = become_application_user(parsed.config, *site); !became) {
    fmt::print(stderr, "error: {}\n", became.error().message);
    return kExitFailed;
  }
  std::vector<char*> arguments;
  for (std::string& word : *command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  fmt::print(stderr, "error: cannot execute {}: {}\n", command->front(), std::strerror(errno));
  return kExitFailed;
}

}  // namespace

int verb_db(int argc, char** argv) {
  std::string action, config, site;
  Options options("db", "The site's database. Actions: shell, restart.");
  options
      .text("action", action, "shell: opens sqlite3 or mariadb on it; restart: a new mariadbd, while requests wait",
            true)
      .text("--site", site, "the domain, when there are several")
      .site_file(config);
  if (auto code = options.parse(argc, argv)) return *code;
  if (action == "restart") return restart_database(config);
  if (action != "shell") {
    fmt::print(stderr, "error: there is no \"trimaran db {}\"; there are: trimaran db shell, trimaran db restart\n",
               action);
    return kExitUsage;
  }
  std::string file = find_site_file(config);
  return file.empty() ? kExitUsage : shell(file, site);
}

}  // namespace trimaran
