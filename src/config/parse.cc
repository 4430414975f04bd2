// From the sources to the configuration: each file is read table by table, then the sites are compared with each other.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <tuple>

#include "base/assert.h"
#include "config/names.h"
#include "config/site_zone.h"
#include "config/tables.h"

namespace trimaran {
namespace {

constexpr std::string_view kMainTables[] = {"server", "listen", "log", "limits"};

struct SiteFile {
  const SourceBundle::File* source;
  std::unique_ptr<FileScope> scope;
  TomlValue document;
};

class Parser {
 public:
  explicit Parser(const SourceBundle& sources) : sources_(sources) {}

  ParsedConfig run() {
    read_documents();
    if (!documents_.empty()) read_main(documents_.front());
    for (const SiteFile& file : documents_) read_site_file(file);
    if (drafts_.empty() && out_.diagnostics.empty()) report_no_site();
    add_names();
    for (SiteDraft& draft : drafts_) complete(draft);
    // Built only for their mistakes, so not in a child, which is given text that was checked: the name server builds
    // its own, and the front needs none.
    if (sources_.look_at_files) build_zones(out_.config, out_.diagnostics);
    sort_diagnostics();
    return std::move(out_);
  }

 private:
  void read_documents() {
    TRIMARAN_ASSERT(!sources_.files.empty() && !sources_.files.front().is_zone);
    out_.config.file = sources_.files.front().path;
    for (const SourceBundle::File& source : sources_.files) {
      if (source.is_zone) continue;
      auto scope = std::make_unique<FileScope>(source.path, sources_.look_at_files, out_.diagnostics);
      TomlError error;
      std::optional<TomlValue> document = parse_toml(source.text, error);
      if (document) {
        documents_.push_back({&source, std::move(scope), std::move(*document)});
      } else {
        scope->report(error.place, error.message);
      }
    }
  }

  bool is_main(const SiteFile& file) const { return file.source == &sources_.files.front(); }

  // Without the main file, whose text may be no TOML, the defaults hold; the sites' own mistakes are still found.
  void read_main(const SiteFile& file) {
    TomlValue empty;
    TableReader reader(is_main(file) ? &file.document : &empty, "the site file", *file.scope);
    FileScope main_scope(out_.config.file, sources_.look_at_files, out_.diagnostics);
    read_server(reader.read_table("server"), main_scope, sources_, out_.config);
    read_listen(reader.read_table("listen"), main_scope, sources_.as_root, out_.config);
    read_log(reader.read_table("log"), main_scope, out_.config);
    read_limits(reader.read_table("limits"), main_scope, out_.config.limits);
  }

  void read_site_file(const SiteFile& file) {
    const FileScope& scope = *file.scope;
    TableReader reader(&file.document, "the site file", scope);
    const TomlValue* site = reader.read_table("site");
    bool has_site = reader.has("site");
    SiteDraft draft;
    draft.site.file = file.source->path;
    draft.site.folder = scope.folder();
    const std::string* release = release_of(file);
    if (release) draft.site.release = *release;
    FileScope content = draft.site.release.empty() ? scope : FileScope(scope, draft.site.release);
    // Whoever says how a site is deployed may start it before that. Without [deploy] it is a slip of the pen.
    Diagnostics awaited;
    if (draft.site.release.empty() && reader.has("deploy")) content.await_release(awaited);
    if (site != nullptr) read_site(site, content, draft);
    read_app(reader.read_table("app"), content, draft.site);
    read_deploy(reader.read_table("deploy"), scope, draft.site.deploy);
    read_processes(reader.value("process"), scope, draft.site);
    read_cron(reader.value("cron"), scope, draft.site);
    read_database(reader.read_table("database"), scope, draft.site.database);
    read_routes(reader.value("route"), content, draft.site);
    read_dns(reader.read_table("dns"), scope, sources_, *file.source, draft.site);
    draft.site.awaits_release = sources_.look_at_files ? !awaited.empty() : release && release->empty();
    std::move(awaited.begin(), awaited.end(), std::back_inserter(out_.warnings));
    draft.site.undeployable = find_undeployable(file.document, file.source->path);
    draft.site.serial = static_cast<uint32_t>(std::max<int64_t>(1, sources_.newest()));
    if (sources_.look_at_files && !has_domain(draft.site)) check_zone_text(draft.site, out_.diagnostics);
    report_top_level(file);
    if (!has_site) {
      report_missing_site(file);
    } else {
      check_serves_something(draft.site, *site_entry(file), scope);
      drafts_.push_back(std::move(draft));
    }
  }

  // Looked up before the site is read, because the site's own paths depend on it. nullptr: nobody has said anything.
  const std::string* release_of(const SiteFile& file) const {
    const TomlEntry* site = file.document.find("site");
    const TomlEntry* domain = site == nullptr ? nullptr : site->value.find("domain");
    if (domain == nullptr) return nullptr;
    std::string ignored;
    std::optional<std::string> name = parse_host_name(domain->value.text, ignored);
    auto found = name ? sources_.releases.find(*name) : sources_.releases.end();
    return found == sources_.releases.end() ? nullptr : &found->second;
  }

  static const TomlEntry* site_entry(const SiteFile& file) { return file.document.find("site"); }

  // A main file without a site is good, unless it has tables that only make sense for one.
  void report_missing_site(const SiteFile& file) {
    if (!is_main(file)) {
      file.scope->report({}, "this file has no [site]", "add [site] and a line such as domain = \"foobar.com\"");
      return;
    }
    for (std::string_view name : {"app", "deploy", "process", "cron", "database", "route", "dns"}) {
      if (const TomlEntry* entry = file.document.find(name)) {
        file.scope->report(entry->place, fmt::format("[{}] without a [site]", name),
                           "add [site] and a line such as domain = \"foobar.com\"");
      }
    }
  }

  void report_top_level(const SiteFile& file) {
    static constexpr std::string_view kSiteTables[] = {"site", "app",      "deploy", "process",
                                                       "cron", "database", "route",  "dns"};
    std::vector<std::string_view> known(std::begin(kSiteTables), std::end(kSiteTables));
    known.insert(known.end(), std::begin(kMainTables), std::end(kMainTables));
    for (const TomlEntry& entry : file.document.entries) {
      bool is_table = entry.value.kind == TomlValue::Kind::table;
      bool is_known = std::find(known.begin(), known.end(), entry.key) != known.end();
      bool is_main_table =
          std::find(std::begin(kMainTables), std::end(kMainTables), entry.key) != std::end(kMainTables);
      if (is_known && is_main_table && !is_main(file)) {
        file.scope->report(entry.place, fmt::format("[{}] belongs in the main file", entry.key),
                           "move it to " + out_.config.file);
      } else if (!is_known && is_table) {
        std::string_view near = nearest_word(entry.key, known);
        file.scope->report(entry.place, fmt::format("unknown table [{}]", entry.key),
                           near.empty() ? "" : fmt::format("did you mean [{}]?", near));
      } else if (!is_known) {
        file.scope->report(entry.place, fmt::format("key \"{}\" stands outside of every table", entry.key),
                           "write it below a line such as [site]");
      }
    }
  }

  static void check_serves_something(const SiteConfig& site, const TomlEntry& at, const FileScope& scope) {
    bool nothing = site.root.empty() && !site.app && site.routes.empty();
    if (nothing && at.value.kind == TomlValue::Kind::table && at.value.find("root") == nullptr) {
      scope.report(at.place, "the site serves nothing", "set root in [site], or add [app] or a [[route]]");
    }
  }

  void report_no_site() {
    out_.diagnostics.push_back(
        {out_.config.file, 0, 0, "there is no site",
         "add [site] and a line such as domain = \"foobar.com\", or sites/*.toml beside this file"});
  }

  // Every host name belongs to one site. The names that were written come first, so that a default alias
  // (www.foobar.com) gives way to a site of that name.
  void add_names() {
    for (SiteDraft& draft : drafts_) {
      if (has_domain(draft.site)) claim(draft, draft.domain, "domain");
    }
    for (SiteDraft& draft : drafts_) {
      for (const PlacedText& alias : draft.aliases) {
        if (claim(draft, alias, "aliases")) draft.site.aliases.push_back(alias.text);
      }
    }
    for (SiteDraft& draft : drafts_) {
      std::string www = "www." + draft.site.domain;
      if (!draft.default_alias || !has_domain(draft.site) || draft.site.domain.starts_with("www.")) continue;
      if (owners_.emplace(www, Owner{draft.site.file, {}}).second) draft.site.aliases.push_back(www);
    }
  }

  bool claim(const SiteDraft& draft, const PlacedText& name, std::string_view key) {
    auto [at, is_new] = owners_.emplace(name.text, Owner{draft.site.file, name.place});
    if (is_new) return true;
    const Owner& first = at->second;
    out_.diagnostics.push_back({draft.site.file, name.place.line, name.place.column,
                                fmt::format("{}: {} is taken already", key, name.text),
                                fmt::format("see {}:{}:{}", first.file, first.place.line, first.place.column)});
    return false;
  }

  void complete(SiteDraft& draft) {
    if (draft.site.addresses.empty()) draft.site.addresses = default_addresses();
    draft.site.state_dir = out_.config.state_dir + "/" + draft.site.domain;
    out_.config.sites.push_back(std::move(draft.site));
  }

  // What the HTTP listeners are bound to; for a wildcard, what the machine's interfaces have of that family.
  std::vector<std::string> default_addresses() const {
    std::vector<std::string> found;
    auto add = [&](const std::string& ip) {
      if (std::find(found.begin(), found.end(), ip) == found.end()) found.push_back(ip);
    };
    for (const Address& listener : out_.config.http) {
      if (!listener.is_wildcard()) {
        add(listener.host());
        continue;
      }
      for (const std::string& ip : sources_.interfaces) {
        std::optional<Address> address = parse_ip(ip, 0);
        if (address && address->family() == listener.family()) add(ip);
      }
    }
    if (found.empty()) found.push_back("127.0.0.1");
    return found;
  }

  // File by file in the order they were read, each from its top.
  void sort_diagnostics() {
    std::map<std::string, size_t> order;
    for (size_t i = 0; i < sources_.files.size(); ++i) order.emplace(sources_.files[i].path, i);
    std::multimap<std::tuple<size_t, int, int>, Diagnostic> sorted;  // keeps the order of equals
    for (Diagnostic& d : out_.diagnostics) {
      std::tuple key(order[d.file], d.line, d.column);
      sorted.emplace(key, std::move(d));
    }
    out_.diagnostics.clear();
    for (auto& [key, diagnostic] : sorted) out_.diagnostics.push_back(std::move(diagnostic));
  }

  struct Owner {
    std::string file;
    Place place;
  };

  const SourceBundle& sources_;
  ParsedConfig out_;
  std::vector<SiteFile> documents_;
  std::vector<SiteDraft> drafts_;
  std::map<std::string, Owner> owners_;
};

}  // namespace

ParsedConfig parse_config(const SourceBundle& sources) { return Parser(sources).run(); }

}  // namespace trimaran
