// Which handler answers a path: the longest route whose prefix ends on a segment border. "/static/" and "/static" are
// the same route: both take "/static", "/static/" and "/static/a", neither takes "/statics".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "front/exchange.h"

namespace trimaran::front {

class Router {
 public:
  // `handler` is borrowed. A second route with the same path replaces nothing: the first one wins.
  void add(std::string_view path, Handler& handler);
  // nullptr when no route takes the (decoded) path.
  Handler* find(std::string_view path) const;

 private:
  struct Route {
    std::string prefix;  // without a final slash: "" for "/"
    Handler* handler;
  };
  std::vector<Route> routes_;  // the longest first
};

}  // namespace trimaran::front
