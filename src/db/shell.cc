#include "db/shell.h"

#include "db/mariadb.h"
#include "db/programs.h"
#include "db/sqlite.h"

namespace trimaran {

Result<std::vector<std::string>> database_shell(const Config& config, const SiteConfig& site) {
  if (site.database.engine == Engine::sqlite) {
    auto client = find_program("sqlite3", "sqlite3");
    if (!client) return std::unexpected(client.error());
    return std::vector{*client, sqlite_file(site.state_dir)};
  }
  auto client = find_program("mariadb", "mariadb-client-core");
  if (!client) return std::unexpected(client.error());
  MariadbPaths paths = MariadbPaths::in(config.state_dir, config.run_dir);
  return std::vector{*client, "--socket=" + paths.socket, mariadb_database_name(site.domain)};
}

}  // namespace trimaran
