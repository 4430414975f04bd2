// [database]: where the site keeps its data. An engine that the design names but this version does not run is refused
// by name, so that nobody takes it for a spelling mistake.
#include <fmt/format.h>

#include "base/strings.h"
#include "config/tables.h"

namespace trimaran {

void read_database(const TomlValue* table, const FileScope& scope, DatabaseConfig& out) {
  TableReader reader(table, "[database]", scope);
  std::string engine = "sqlite";
  reader.read_text("engine", engine);
  if (engine == "sqlite") {
    out.engine = Engine::sqlite;
  } else if (engine == "mariadb") {
    out.engine = Engine::mariadb;
  } else if (engine == "galera") {
    reader.report("engine", "engine: \"galera\" is not supported yet by this version", "use \"sqlite\" or \"mariadb\"");
  } else {
    std::string_view near = engine == "mysql" ? "mariadb" : nearest_word(engine, {"sqlite", "mariadb"});
    reader.report("engine", fmt::format("engine: \"{}\" is not one of \"sqlite\", \"mariadb\"", engine),
                  near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
  }
  reader.report_unknown_keys();
}

}  // namespace trimaran
