#include "front/router.h"

#include <algorithm>

namespace trimaran::front {

void Router::add(std::string_view path, Handler& handler) {
  while (path.ends_with('/')) path.remove_suffix(1);
  auto shorter = std::find_if(routes_.begin(), routes_.end(),
                              [path](const Route& route) { return route.prefix.size() < path.size(); });
  routes_.insert(shorter, Route{std::string(path), &handler});
}

Handler* Router::find(std::string_view path) const {
  for (const Route& route : routes_) {
    if (!path.starts_with(route.prefix)) continue;
    if (path.size() == route.prefix.size() || path[route.prefix.size()] == '/') return route.handler;
  }
  return nullptr;
}

}  // namespace trimaran::front
