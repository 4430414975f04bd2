// Which sites a deploy cannot change: those whose every path is absolute. Absolute paths below the site's own folder
// were to be taken for paths in the release, which was rejected: the same text would name two things.
#include <fmt/format.h>

#include "base/strings.h"
#include "config/tables.h"

namespace trimaran {
namespace {

// A path that a release may bring, as it is written.
struct Named {
  std::string_view key;
  Place place;
  std::string_view path;

  bool is_absolute() const { return path.starts_with('/'); }
};

Named name(const TomlValue& table, std::string_view key) {
  const TomlEntry* entry = table.find(key);
  return entry == nullptr ? Named{key, table.place, ""} : Named{key, entry->value.place, entry->value.text};
}

// Where the application's code is: the file or folder that `run` names, otherwise its `directory`.
Named code_of(const TomlValue& app) {
  Named run = name(app, "run");
  size_t colon = run.path.find(':');
  std::string_view kind = run.path.substr(0, colon);
  std::string_view target = colon == std::string_view::npos ? "" : run.path.substr(colon + 1);
  bool is_path = kind == to_string(AppKind::native) || kind == to_string(AppKind::php);
  return is_path && !target.empty() ? Named{"run", run.place, target} : name(app, "directory");
}

}  // namespace

Diagnostics find_undeployable(const TomlValue& document, const std::string& file) {
  std::vector<Named> named;
  const TomlEntry* site = document.find("site");
  if (site != nullptr && site->value.find("root") != nullptr) named.push_back(name(site->value, "root"));
  if (const TomlEntry* app = document.find("app")) named.push_back(code_of(app->value));
  if (const TomlEntry* routes = document.find("route")) {
    for (const TomlValue& route : routes->value.items) {
      if (route.find("files") != nullptr) named.push_back(name(route, "files"));
    }
  }
  Diagnostics out;
  for (const Named& path : named) {
    if (!path.is_absolute()) return {};
    out.push_back({file, path.place.line, path.place.column,
                   fmt::format("{}: {} is absolute, so no release brings it", path.key, path.path),
                   "write it relative to the folder that is deployed"});
  }
  return out;
}

}  // namespace trimaran
