#include "supervisor/worker_command.h"

#include <unistd.h>

#include <cstdlib>
#include <map>

#include "supervisor/app_user.h"
#include "supervisor/env_file.h"
#include "supervisor/interpreter.h"
#include "supervisor/upstream.h"

namespace trimaran {
namespace {

constexpr size_t kEnvFileBytesMax = 256 * 1024;
constexpr const char* kPassed[] = {"PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "TRIMARAN_LOG"};
constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Result<std::vector<std::string>> worker_argv(const Runtime& runtime, const AppConfig& app) {
  if (speaks_for_itself(app.kind)) return std::vector<std::string>();  // Upstream::prepare() knows it
  if (app.kind == AppKind::native) return std::vector{folder_of(runtime.executable) + "/trimaran-host"};
  const char* virtual_env = std::getenv("VIRTUAL_ENV");
  auto interpreter = find_interpreter(app, virtual_env ? virtual_env : "");
  if (!interpreter) return std::unexpected(interpreter.error());
  auto folder = python_folder(runtime.executable);
  if (!folder) return std::unexpected(folder.error());
  return std::vector{*interpreter, *folder + "/trimaran"};  // its __main__.py
}

Status add_env_file(const AppConfig& app, std::map<std::string, std::string>& environment) {
  for (const std::string& path : app.env_files) {
    auto text = read_plain_file(path, kEnvFileBytesMax);  // the open of a pipe would wait for a writer
    if (!text) return std::unexpected(text.error());
    auto values = parse_env_file(*text);
    if (!values) return std::unexpected(std::move(values.error()).with_context(path));
    for (auto& [key, value] : *values) environment.insert_or_assign(key, value);
  }
  return {};
}

}  // namespace

Result<std::string> python_folder(const std::string& executable) {
  std::string prefix = folder_of(folder_of(executable));
  std::string installed = prefix + "/lib/trimaran/python", built = prefix + "/python";
  for (const std::string& folder : {installed, built}) {
    if (::access((folder + "/trimaran").c_str(), F_OK) == 0) return folder;
  }
  return make_error("Trimaran's Python part is not installed: neither " + installed + " nor " + built + " has it");
}

Result<Environment> site_environment(const Runtime& runtime, const SiteConfig& site, const std::string& database_url) {
  auto user = find_app_user(runtime, site);
  if (!user) return std::unexpected(user.error());
  Environment environment = {{"PATH", kDefaultPath}, {"HOME", user->who.home}};
  for (const char* key : kPassed) {
    if (const char* value = std::getenv(key)) environment.insert_or_assign(key, value);
  }
  environment["PYTHONUNBUFFERED"] = "1";
  // A .pyc is taken for current while its source has the same size and the same second: the next edit may be sooner.
  if (site.app && site.app->dev) environment["PYTHONDONTWRITEBYTECODE"] = "1";
  // The env_file may name another database, but not whose process this is.
  environment["DATABASE_URL"] = database_url;
  if (site.app) {
    if (Status added = add_env_file(*site.app, environment); !added) return std::unexpected(added.error());
  }
  environment["TRIMARAN_SITE"] = site.domain;
  environment["TRIMARAN_RELEASE"] = site.release.substr(site.release.rfind('/') + 1);
  return environment;
}

Result<SpawnOptions> site_command(const Runtime& runtime, const SiteConfig& site, const std::string& database_url,
                                  std::vector<std::string> argv, const Environment& own) {
  auto environment = site_environment(runtime, site, database_url);
  if (!environment) return std::unexpected(environment.error());
  auto user = find_app_user(runtime, site);
  if (!user) return std::unexpected(user.error());
  for (const auto& [key, value] : own) environment->insert_or_assign(key, value);
  SpawnOptions options;
  options.argv = std::move(argv);
  for (const auto& [key, value] : *environment) options.environment.push_back(key + "=" + value);
  options.directory = site.app->directory;
  options.user = user->drop;
  return options;
}

Result<SpawnOptions> worker_command(const Runtime& runtime, const SiteConfig& site, const WorkerIdentity& identity) {
  const AppConfig& app = *site.app;
  auto argv = worker_argv(runtime, app);
  if (!argv) return std::unexpected(argv.error());
  Environment own = {{"TRIMARAN_WORKER", identity.number},
                     {"TRIMARAN_KIND", std::string(to_string(app.kind))},
                     {"TRIMARAN_APP", app.target},
                     {"TRIMARAN_RECYCLE", "requests=" + std::to_string(identity.max_requests)},
                     {"TRIMARAN_THREADS", std::to_string(app.threads)},
                     {"TRIMARAN_HEALTH", app.health},
                     {"TRIMARAN_DEV", app.dev ? "1" : ""}};
  return site_command(runtime, site, identity.database_url, std::move(*argv), own);
}

}  // namespace trimaran
