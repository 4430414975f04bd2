// `trimaran dns show`: the zones as they are served, as standard zone text: what a site needs to leave for another name
// server, and the answer to "which records follow from my site file?".
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/options.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "config/site_zone.h"
#include "release/current.h"

namespace trimaran {
namespace {

int show(const std::string& file, const std::string& domain) {
  auto sources = read_sources(file);
  if (!sources) {
    fmt::print(stderr, "error: {}\n", sources.error().message);
    return kExitUsage;
  }
  (void)release::add_current_releases(*sources);  // `trimaran run` and `trimaran check` say what is wrong there
  ParsedConfig parsed = parse_config(*sources);
  std::vector<dns::Zone> zones;
  if (parsed.diagnostics.empty()) zones = build_zones(parsed.config, parsed.diagnostics);
  if (!parsed.diagnostics.empty()) {
    std::fputs(format_diagnostics(parsed.diagnostics, *sources).c_str(), stderr);
    return kExitUsage;
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < zones.size(); ++i) {
    names.push_back(parsed.config.sites[i].domain);
    if (domain.empty() || domain == names.back()) std::fputs(dns::zone_to_text(zones[i]).c_str(), stdout);
  }
  if (domain.empty() || std::find(names.begin(), names.end(), domain) != names.end()) return kExitDone;
  fmt::print(stderr, "error: there is no site {}; the sites are: {}\n", domain, fmt::join(names, ", "));
  return kExitUsage;
}

}  // namespace

int verb_dns(int argc, char** argv) {
  std::string action, config, site;
  Options options("dns", "The site's zones. Actions: show.");
  options.text("action", action, "show: prints them as zone text", true);
  options.text("--site", site, "the domain; without it every site").site_file(config);
  if (auto code = options.parse(argc, argv)) return *code;
  if (action != "show") {
    fmt::print(stderr, "error: there is no \"trimaran dns {}\"; there is: trimaran dns show\n", action);
    return kExitUsage;
  }
  std::string file = find_site_file(config);
  return file.empty() ? kExitUsage : show(file, site);
}

}  // namespace trimaran
