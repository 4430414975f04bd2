// [[route]]: which path is answered by which folder, redirect or the application. The rules that need only the route
// itself or its neighbours are checked here; which route wins is the router's business.
#include <fmt/format.h>

#include <algorithm>

#include "config/tables.h"

namespace trimaran {
namespace {

constexpr size_t kMaxRoutes = 1000;  // of one site; they are looked through for each request
constexpr int64_t kRedirectStatuses[] = {301, 302, 303, 307, 308};
constexpr Millis kMaxCache = 10ll * 365 * 86'400 * 1000;

bool has_space(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; });
}

// "/static/" and "/static" are the same (front/router.h).
std::string_view prefix_of(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

void read_path(TableReader& reader, RouteConfig& out) {
  if (!reader.has("path")) {
    reader.report("path", "[[route]] has no path", "add a line such as path = \"/static/\"");
  } else if (reader.read_text("path", out.path)) {
    if (!out.path.starts_with('/')) reader.report("path", "path: expected a path that starts with \"/\"");
    if (has_space(out.path) || out.path.find_first_of("?#") != std::string::npos) {
      reader.report("path", "path: expected a path without spaces, \"?\" and \"#\"");
    }
  }
}

void read_redirect(TableReader& reader, RouteConfig& out) {
  if (!reader.read_text("redirect", out.redirect)) return;
  const std::string& to = out.redirect;
  if (!to.starts_with('/') && !to.starts_with("http://") && !to.starts_with("https://")) {
    reader.report("redirect", "redirect: expected a path or a URL", "start it with \"/\", \"http://\" or \"https://\"");
  } else if (has_space(to)) {
    reader.report("redirect", "redirect: expected a path or a URL without spaces");
  }
}

void read_target(TableReader& reader, const FileScope& scope, const SiteConfig& site, RouteConfig& out) {
  bool to_app = false;
  int given = (reader.has("files") ? 1 : 0) + (reader.has("redirect") ? 1 : 0) + (reader.has("app") ? 1 : 0);
  if (given != 1) {
    scope.report(reader.table_place(),
                 fmt::format("[[route]] has {} of files, redirect and app", given == 0 ? "none" : "more than one"),
                 "give exactly one: files = \"FOLDER\", redirect = \"URL\" or app = true");
  }
  if (reader.has("files")) out.kind = RouteConfig::Kind::files;
  if (reader.has("redirect")) out.kind = RouteConfig::Kind::redirect;
  if (reader.has("app")) out.kind = RouteConfig::Kind::app;
  reader.read_folder("files", out.files);
  read_redirect(reader, out);
  if (!reader.read_flag("app", to_app)) return;
  if (!to_app) {
    reader.report("app", "app: expected true", "leave the route out");
  } else if (!site.app) {
    reader.report("app", "app: the site has no [app]");
  }
}

void read_options(TableReader& reader, RouteConfig& out) {
  int64_t status = out.status;
  if (reader.has("status") && out.kind != RouteConfig::Kind::redirect) {
    reader.report("status", "status: only a redirect has one");
  } else if (reader.read_number("status", status, INT64_MIN, INT64_MAX)) {
    if (std::find(std::begin(kRedirectStatuses), std::end(kRedirectStatuses), status) == std::end(kRedirectStatuses)) {
      reader.report("status", fmt::format("status: expected 301, 302, 303, 307 or 308, found {}", status));
    }
    out.status = static_cast<int>(status);
  }
  if (reader.read_flag("internal", out.internal) && out.internal && out.kind != RouteConfig::Kind::files) {
    reader.report("internal", "internal: only a route with files can be internal");
  }
  Millis cache = 0;
  if (reader.has("cache") && out.kind == RouteConfig::Kind::app) {
    reader.report("cache", "cache: the application says itself how long its pages may be kept");
  } else if (reader.read_duration("cache", cache, 0, kMaxCache)) {
    out.cache_seconds = cache / 1000;
  }
}

void read_route(const TomlValue& table, const FileScope& scope, SiteConfig& out) {
  TableReader reader(&table, "[[route]]", scope);
  RouteConfig route;
  read_path(reader, route);
  read_target(reader, scope, out, route);
  read_options(reader, route);
  for (const RouteConfig& other : out.routes) {
    if (prefix_of(other.path) == prefix_of(route.path) && reader.has("path")) {
      reader.report("path", fmt::format("path: another [[route]] has \"{}\" already", other.path));
      break;
    }
  }
  reader.report_unknown_keys();
  out.routes.push_back(std::move(route));
}

}  // namespace

void read_routes(const TomlValue* routes, const FileScope& scope, SiteConfig& out) {
  if (routes == nullptr) return;
  bool all_tables = routes->kind == TomlValue::Kind::array &&
                    std::all_of(routes->items.begin(), routes->items.end(),
                                [](const TomlValue& item) { return item.kind == TomlValue::Kind::table; });
  if (!all_tables) {
    scope.report(routes->place, "a route is a table of its own", "write [[route]] with two brackets");
    return;
  }
  if (routes->items.size() > kMaxRoutes) {
    scope.report(routes->items[kMaxRoutes].place, fmt::format("more than {} routes", kMaxRoutes));
    return;
  }
  for (const TomlValue& item : routes->items) read_route(item, scope, out);
}

}  // namespace trimaran
