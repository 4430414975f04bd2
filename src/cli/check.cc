#include "cli/check.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "config/config.h"
#include "release/current.h"

namespace trimaran {
namespace {

using nlohmann::ordered_json;

constexpr int kGood = 0;
constexpr int kBadConfiguration = 2;

void print(FILE* stream, const std::string& text) { fwrite(text.data(), 1, text.size(), stream); }

std::vector<std::string> texts(const std::vector<Address>& addresses) {
  std::vector<std::string> out;
  for (const Address& address : addresses) out.push_back(address.to_string());
  return out;
}

std::string run_of(const AppConfig& app) { return fmt::format("{}:{}", to_string(app.kind), app.target); }

std::string_view name_of(Engine engine) { return engine == Engine::sqlite ? "sqlite" : "mariadb"; }

std::string counted(int count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string summary(const SiteConfig& site) {
  std::vector<std::string> names = {site.domain};
  names.insert(names.end(), site.aliases.begin(), site.aliases.end());
  std::string out = fmt::format("{} at {}\n", fmt::join(names, ", "), fmt::join(site.addresses, ", "));
  if (!site.root.empty()) out += fmt::format("  files     {}\n", site.root);
  if (site.app) {
    out += fmt::format("  app       {}, {}, {} each\n", run_of(*site.app), counted(site.app->workers, "worker"),
                       site.app->concurrency == site.app->threads ? counted(site.app->threads, "thread")
                                                                  : counted(site.app->concurrency, "request"));
    out += fmt::format("  database  {}\n", name_of(site.database.engine));
  }
  if (!site.routes.empty()) out += fmt::format("  routes    {}\n", site.routes.size());
  return out;
}

std::string summary(const Config& config) {
  std::string out;
  for (const SiteConfig& site : config.sites) out += summary(site);
  out += fmt::format("http {}\n", fmt::join(texts(config.http), ", "));
  out += config.dns.empty() ? "dns  off\n" : fmt::format("dns  {}\n", fmt::join(texts(config.dns), ", "));
  return out;
}

ordered_json to_json(const SiteConfig& site) {
  ordered_json out = {{"domain", site.domain}, {"aliases", site.aliases}, {"addresses", site.addresses}};
  out["root"] = site.root.empty() ? ordered_json(nullptr) : ordered_json(site.root);
  out["app"] = nullptr;
  if (site.app) {
    out["app"] = {{"run", run_of(*site.app)}, {"workers", site.app->workers}, {"threads", site.app->threads}};
  }
  out["database"] = name_of(site.database.engine);
  return out;
}

ordered_json to_json(const Diagnostics& diagnostics) {
  ordered_json out = ordered_json::array();
  for (const Diagnostic& d : diagnostics) {
    out.push_back({{"file", d.file}, {"line", d.line}, {"column", d.column}, {"message", d.message}, {"hint", d.hint}});
  }
  return out;
}

ordered_json to_json(const std::string& file, const ParsedConfig& parsed) {
  bool ok = parsed.diagnostics.empty();
  ordered_json out = {{"ok", ok}, {"file", file}};
  out["diagnostics"] = to_json(parsed.diagnostics);
  out["warnings"] = to_json(parsed.warnings);
  if (!ok) return out;
  out["sites"] = ordered_json::array();
  for (const SiteConfig& site : parsed.config.sites) out["sites"].push_back(to_json(site));
  out["listen"] = {{"http", texts(parsed.config.http)}, {"dns", texts(parsed.config.dns)}};
  return out;
}

// A file that cannot be read, as the one diagnostic it is.
ParsedConfig unreadable(const std::string& file, const Error& error) {
  ParsedConfig out;
  std::string hint = error.os_errno == ENOENT ? "`trimaran init DIR` writes a small working site" : "";
  out.diagnostics.push_back({file, 0, 0, error.message, hint});
  return out;
}

}  // namespace

int run_check(const std::string& file, bool json) {
  Result<SourceBundle> sources = read_sources(file);
  if (sources) {
    for (const std::string& line : release::add_current_releases(*sources)) print(stderr, "warning: " + line + "\n");
  }
  ParsedConfig parsed = sources ? parse_config(*sources) : unreadable(file, sources.error());
  bool ok = parsed.diagnostics.empty();
  if (json) {
    // File names and values may hold any bytes; JSON is UTF-8.
    print(stdout, to_json(file, parsed).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  } else if (ok) {
    print(stderr, format_diagnostics(parsed.warnings, *sources));
    print(stdout, summary(parsed.config));
  } else {
    print(stderr, format_diagnostics(parsed.diagnostics, sources ? *sources : SourceBundle{}));
  }
  return ok ? kGood : kBadConfiguration;
}

}  // namespace trimaran
