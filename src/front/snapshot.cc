#include "front/snapshot.h"

#include <algorithm>

#include "base/strings.h"
#include "front/error_page.h"
#include "front/redirect.h"
#include "front/static_files.h"

namespace trimaran::front {
namespace {

constexpr size_t kHostBytesMax = 255;  // RFC 1035 section 2.3.4; a longer name is nobody's

class NotFound final : public Handler {
 public:
  void start(Exchange& exchange) override { exchange.fail(404, "no route"); }
};

// Before the first deploy of a site: its folders, and its application, come with that.
class NothingYet final : public Handler {
 public:
  void start(Exchange& exchange) override {
    std::string page = error_page(503, "Nothing has been published at this address yet. Please come back later.");
    http::ResponseHead head{503,
                            {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}},
                            static_cast<int64_t>(page.size())};
    exchange.send_head(std::move(head));
    exchange.send_body(page);
    exchange.finish();
  }
};

// An application route without an application cannot come out of parse_config(); a site of files only has none.
bool has_default_route(const SiteConfig& site) {
  return std::any_of(site.routes.begin(), site.routes.end(),
                     [](const RouteConfig& route) { return route.path == "/"; });
}

bool names_this_machine(std::string_view host) {
  if (host.empty() || iequals(host, "localhost")) return true;
  return parse_ip(host, 0).has_value();
}

}  // namespace

Snapshot::Snapshot(const Config& config, FileCache& cache, Apps& apps) : config_(config) {
  for (const SiteConfig& site_config : config_.sites) {
    auto site = std::make_unique<Site>();
    site->config = &site_config;
    if (site_config.awaits_release)
      build_awaiting(*site);
    else
      build_site(*site, cache, apps);
    by_host_.emplace(site_config.domain, site.get());
    for (const std::string& alias : site_config.aliases) by_host_.emplace(alias, site.get());
    sites_.push_back(std::move(site));
  }
}

// Its redirects need no release.
void Snapshot::build_awaiting(Site& site) {
  for (const RouteConfig& route : site.config->routes) {
    if (route.kind != RouteConfig::Kind::redirect) continue;
    site.handlers.push_back(std::make_unique<Redirect>(route.redirect, route.status));
    site.router.add(route.path, *site.handlers.back());
  }
  site.handlers.push_back(std::make_unique<NothingYet>());
  site.router.add("/", *site.handlers.back());
}

void Snapshot::build_site(Site& site, FileCache& cache, Apps& apps) {
  const SiteConfig& site_config = *site.config;
  auto keep = [&site](std::unique_ptr<Handler> handler) -> Handler& {
    return *site.handlers.emplace_back(std::move(handler));
  };
  Handler* app = site_config.app ? &keep(apps.make_handler(site_config)) : nullptr;
  bool php = site_config.app && site_config.app->kind == AppKind::php;
  auto files = [&](const std::string& folder, const std::string& prefix, int64_t cache_seconds,
                   Handler* next) -> Handler& {
    auto handler = std::make_unique<StaticFiles>(cache, folder, prefix, cache_seconds, next);
    if (php) handler->withhold_php();
    return keep(std::move(handler));
  };
  auto root_then_app = [&](int64_t cache_seconds) -> Handler& {
    Handler* next = app;
    // The habit of PHP: pages and files lie in one folder.
    if (php && site_config.app->target != site_config.root) {
      next = &files(site_config.app->target, "", cache_seconds, app);
    }
    if (!site_config.root.empty()) return files(site_config.root, "", cache_seconds, next);
    return next ? *next : keep(std::make_unique<NotFound>());
  };
  for (const RouteConfig& route : site_config.routes) {
    switch (route.kind) {
      case RouteConfig::Kind::files: {
        Handler& handler = files(route.files, route.path, route.cache_seconds, nullptr);
        site.files.add(route.path, handler);
        site.router.add(route.path, route.internal ? keep(std::make_unique<NotFound>()) : handler);
        break;
      }
      case RouteConfig::Kind::redirect:
        site.router.add(route.path, keep(std::make_unique<Redirect>(route.redirect, route.status)));
        break;
      case RouteConfig::Kind::app:
        // The site's root is tried first at "/" only: a longer route names the application on purpose.
        if (route.path == "/")
          site.router.add("/", root_then_app(route.cache_seconds));
        else
          site.router.add(route.path, app ? *app : keep(std::make_unique<NotFound>()));
        break;
    }
  }
  if (!has_default_route(site_config)) site.router.add("/", root_then_app(-1));
  if (!site_config.root.empty()) {
    site.files.add("/", keep(std::make_unique<StaticFiles>(cache, site_config.root, "", -1, nullptr)));
  }
}

const Site* Snapshot::find_site(std::string_view host) const {
  if (host.size() > kHostBytesMax) return nullptr;
  char lower[kHostBytesMax];
  std::transform(host.begin(), host.end(), lower, ascii_lower);
  std::string_view name(lower, host.size());
  if (name.ends_with('.')) name.remove_suffix(1);  // the absolute form of a name (RFC 3986 section 3.2.2)
  auto found = by_host_.find(name);
  if (found != by_host_.end()) return found->second;
  return sites_.size() == 1 && names_this_machine(name) ? sites_.front().get() : nullptr;
}

}  // namespace trimaran::front
