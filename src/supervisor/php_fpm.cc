#include "supervisor/php_fpm.h"

#include <dirent.h>
#include <unistd.h>

#include <memory>

#include "base/strings.h"

namespace trimaran {
namespace {

// "php-fpm8.2" as 802; -1 for another name. A plain "php-fpm" (not Debian's) is 0.
int version_of(std::string_view name) {
  constexpr std::string_view kStart = "php-fpm";
  if (!name.starts_with(kStart)) return -1;
  name.remove_prefix(kStart.size());
  if (name.empty()) return 0;
  size_t dot = name.find('.');
  if (dot == std::string_view::npos) return -1;
  auto major = parse_u64(name.substr(0, dot)), minor = parse_u64(name.substr(dot + 1));
  return major && minor && *major < 1000 && *minor < 100 ? static_cast<int>(*major * 100 + *minor) : -1;
}

}  // namespace

Result<std::string> find_php_fpm(const std::string& folder) {
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
  std::string best;
  int best_version = -1;
  while (dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    std::string path = folder + "/" + entry->d_name;
    int version = version_of(entry->d_name);
    if (version <= best_version || ::access(path.c_str(), X_OK) != 0) continue;
    best_version = version;
    best = path;
  }
  if (best.empty()) return make_error("php-fpm is not installed; install the package php-fpm");
  return best;
}

std::string php_fpm_config(const AppConfig& app, const std::string& socket) {
  return "; Written by trimaran at every start; changes are lost.\n"
         "[global]\n"
         "error_log = /dev/null\n"  // --force-stderr; /proc/self/fd/2 cannot be opened by another user than ours
         "log_level = warning\n"
         "daemonize = no\n"
         "[www]\n"
         "listen = " +
         socket +
         "\n"
         "pm = static\n"
         "pm.max_children = " +
         std::to_string(app.threads) +
         "\n"
         // The application's environment is ours to give, as for every other kind.
         "clear_env = no\n"
         "catch_workers_output = yes\n"
         "decorate_workers_output = no\n"
         "security.limit_extensions = .php\n";
}

std::vector<std::string> php_fpm_argv(const std::string& program, const std::string& config_file) {
  // fastcgi.logging=0: messages of PHP go to the process's own error stream, which is the application's log, instead of
  // to the web server.
  return {program, "--nodaemonize", "--force-stderr", "--fpm-config", config_file, "-d", "fastcgi.logging=0"};
}

}  // namespace trimaran
