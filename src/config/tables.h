// One reader for each table of the site file; parse.cc puts them together.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/reader.h"

namespace trimaran {

// [server]: user, state, run, threads, sites.
void read_server(const TomlValue* table, const FileScope& scope, const SourceBundle& sources, Config& out);
// [listen]: http, dns.
void read_listen(const TomlValue* table, const FileScope& scope, bool as_root, Config& out);
// [log]: access. After read_server, whose state folder is the default place.
void read_log(const TomlValue* table, const FileScope& scope, Config& out);
// [limits]
void read_limits(const TomlValue* table, const FileScope& scope, LimitsConfig& out);

// A site before it is compared with the others.
struct SiteDraft {
  SiteConfig site;
  PlacedText domain;                // empty when it was missing or wrong
  std::vector<PlacedText> aliases;  // as given
  bool default_alias = false;       // no aliases were given: www.DOMAIN, unless another site has it
};

// [site]: domain, aliases, address, root.
void read_site(const TomlValue* table, const FileScope& scope, SiteDraft& out);
// [app]: run, directory, workers, ...
void read_app(const TomlValue* table, const FileScope& scope, SiteConfig& out);
// The value of its key run, which decides what the others may be.
void read_run(TableReader& reader, const std::string& run, const FileScope& scope, AppConfig& out);
// [deploy]
void read_deploy(const TomlValue* table, const FileScope& scope, DeployConfig& out);
// [[process]] and [[cron]]. After read_app: they belong to one.
void read_processes(const TomlValue* processes, const FileScope& scope, SiteConfig& out);
void read_cron(const TomlValue* jobs, const FileScope& scope, SiteConfig& out);
// Whether the system has this user; of the key `user` of any table.
void check_user(TableReader& reader, const FileScope& scope, const std::string& user, const std::string& hint);
// [database]: engine.
void read_database(const TomlValue* table, const FileScope& scope, DatabaseConfig& out);
// [[route]]. After read_app: a route to the application needs one.
void read_routes(const TomlValue* routes, const FileScope& scope, SiteConfig& out);
// [dns]: ttl, email, nameservers, records, zone. `source` is the file the table stands in. After read_site.
void read_dns(const TomlValue* table, const FileScope& scope, const SourceBundle& sources,
              const SourceBundle::File& source, SiteConfig& out);

// What makes a deploy of the site in this document pointless: its absolute paths, when there is no other that a release
// could bring.
Diagnostics find_undeployable(const TomlValue& document, const std::string& file);

// A site whose domain is wrong still has its other mistakes reported.
inline bool has_domain(const SiteConfig& site) { return !site.domain.empty(); }

}  // namespace trimaran
