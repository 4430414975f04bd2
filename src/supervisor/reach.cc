#include "supervisor/reach.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "supervisor/app_user.h"
#include "supervisor/worker_command.h"

namespace trimaran {
namespace {

// What the child writes for each obstacle: less than PIPE_BUF, so it is written whole.
struct Finding {
  size_t need;
  size_t length;  // of the part of its path that is the obstacle
};

int access_mode(Need::Kind kind) {
  switch (kind) {
    case Need::Kind::enter:
      return X_OK;
    case Need::Kind::read:
      return R_OK;
    case Need::Kind::execute:
      return R_OK | X_OK;
  }
  return F_OK;
}

// The length of the part of the path that refuses us; 0: none does.
size_t refused_part(const Need& need) {
  for (size_t at = need.path.find('/', 1); at != std::string::npos; at = need.path.find('/', at + 1)) {
    if (::access(need.path.substr(0, at).c_str(), X_OK) != 0) return errno == EACCES ? at : 0;
  }
  return ::access(need.path.c_str(), access_mode(need.kind)) != 0 && errno == EACCES ? need.path.size() : 0;
}

[[noreturn]] void look_as(const Credentials& user, const std::vector<Need>& needs, int report_fd) {
  if (::setgroups(0, nullptr) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) ::_exit(1);
  for (size_t i = 0; i < needs.size(); ++i) {
    Finding finding{i, refused_part(needs[i])};
    if (finding.length > 0 && ::write(report_fd, &finding, sizeof finding) != sizeof finding) ::_exit(1);
  }
  ::_exit(0);
}

constexpr const char* kMove = "move the site";
constexpr const char* kInstall = "install trimaran where everybody can read it";

std::vector<Need> needs_of_front(const Config& config, const Runtime& runtime) {
  std::vector<Need> out = {{runtime.executable, Need::Kind::execute, kInstall}};
  for (const SiteConfig& site : config.sites) {
    if (!site.root.empty()) out.push_back({site.root, Need::Kind::enter, kMove});
    for (const RouteConfig& route : site.routes) {
      if (!route.files.empty()) out.push_back({route.files, Need::Kind::enter, kMove});
    }
  }
  return out;
}

std::vector<Need> needs_of_app(const Config& config, const SiteConfig& site, const Runtime& runtime) {
  std::vector<Need> out = {{site.app->directory, Need::Kind::enter, kMove}};
  // Each site's own folder in it is given to the user (folders.h).
  out.push_back({config.state_dir, Need::Kind::enter, "set [server] state to a folder elsewhere"});
  if (site.app->kind == AppKind::native) {
    out.push_back({site.app->target, Need::Kind::read, kMove});
  } else if (auto python = python_folder(runtime.executable)) {
    out.push_back({*python + "/trimaran", Need::Kind::enter, kInstall});
  }
  return out;
}

std::string describe(const Obstacle& obstacle, const std::string& user, const char* key) {
  bool on_the_way = obstacle.path != obstacle.need->path;
  const char* verb = on_the_way || obstacle.need->kind == Need::Kind::enter ? " cannot enter "
                     : obstacle.need->kind == Need::Kind::read              ? " cannot read "
                                                                            : " cannot execute ";
  char mode[32];
  std::snprintf(mode, sizeof mode, " (mode %04o)", obstacle.mode);
  return user + verb + obstacle.path + mode + (on_the_way ? ", which " + obstacle.need->path + " needs" : "") + "; " +
         obstacle.need->remedy + ", or set " + key;
}

}  // namespace

Result<std::vector<Obstacle>> find_obstacles(const Credentials& user, const std::vector<Need>& needs) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("cannot create a pipe");
  Fd ours(ends[0]), childs(ends[1]);
  pid_t pid = ::fork();
  if (pid < 0) return errno_error("cannot fork");
  if (pid == 0) look_as(user, needs, childs.get());
  childs.reset();
  std::vector<Obstacle> out;
  for (Finding finding{}; ::read(ours.get(), &finding, sizeof finding) == sizeof finding;) {
    Obstacle obstacle{needs[finding.need].path.substr(0, finding.length), 0, &needs[finding.need]};
    struct stat st {};
    if (::stat(obstacle.path.c_str(), &st) == 0) obstacle.mode = st.st_mode & 07777;
    out.push_back(std::move(obstacle));
  }
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0) return make_error("cannot become the user " + user.name);
  return out;
}

namespace {

// One folder often stands before everything: it is named once for each remedy. "" when nothing is in the way.
Result<std::string> obstacles_of(const Credentials& user, const std::vector<Need>& needs, const char* key) {
  auto obstacles = find_obstacles(user, needs);
  if (!obstacles) return std::unexpected(obstacles.error());
  std::vector<const Obstacle*> named;
  std::string lines;
  for (const Obstacle& obstacle : *obstacles) {
    bool again = std::any_of(named.begin(), named.end(), [&](const Obstacle* o) {
      return o->path == obstacle.path && o->need->remedy == obstacle.need->remedy;
    });
    if (again) continue;
    named.push_back(&obstacle);
    lines += (lines.empty() ? "" : "\n") + describe(obstacle, user.name, key);
  }
  return lines;
}

}  // namespace

Status check_reach(const Config& config, const Runtime& runtime) {
  std::string lines;
  auto check = [&](const std::optional<Credentials>& user, const std::vector<Need>& needs, const char* key) -> Status {
    if (!user) return {};
    auto found = obstacles_of(*user, needs, key);
    if (!found) return std::unexpected(found.error());
    if (!found->empty()) lines += (lines.empty() ? "" : "\n") + *found;
    return {};
  };
  std::vector<Need> shared = needs_of_front(config, runtime);
  for (const SiteConfig& site : config.sites) {
    if (!site.app) continue;
    auto user = find_app_user(runtime, site);
    if (!user) return std::unexpected(user.error());
    std::vector<Need> needs = needs_of_app(config, site, runtime);
    if (site.app->user.empty()) {
      shared.insert(shared.end(), needs.begin(), needs.end());
    } else if (Status checked = check(user->drop, needs, "[app] user"); !checked) {
      return checked;
    }
  }
  if (Status checked = check(runtime.drop, shared, "[server] user"); !checked) return checked;
  if (!lines.empty()) return make_error(lines);
  return {};
}

}  // namespace trimaran
