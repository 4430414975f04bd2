// From a method and a path to a handler. A trie of segments: each segment of a path tries, in this order, the text
// itself, {x:int}, {x} and {x:path}, and goes back when what follows does not match, so the most specific pattern wins
// whatever the order of registration. A node is visited at most once for each path, so a lookup is bounded by the
// number of routes. Rejected: regular expressions (slow, and unsafe on visitors' input); first match wins (order
// matters).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trimaran/route.h"

namespace trimaran::host {

constexpr size_t kSegmentsMax = 64;  // segments of a path; a longer one belongs to nobody here

class Router {
 public:
  // `method` "" is any method. The pattern was checked by the compiler (trimaran/route.h); an error here is the same
  // pattern twice for one method.
  Status add(std::string_view method, std::string_view pattern, std::unique_ptr<detail::AnyHandler> handler);

  struct Match {
    enum class Kind { found, not_found, method_not_allowed, bad_path } kind = Kind::not_found;
    const detail::AnyHandler* handler = nullptr;
    detail::PathValues values;
    std::string allow;  // method_not_allowed: "GET, HEAD, POST"
  };
  Match find(std::string_view method, std::string_view raw_path) const;

 private:
  struct Endpoint {
    std::map<std::string, std::unique_ptr<detail::AnyHandler>, std::less<>> handlers;  // by method
    const detail::AnyHandler* handler(std::string_view method) const;
  };
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> texts;
    std::unique_ptr<Node> integer, text;
    Endpoint here;  // the path ends in this node
    Endpoint rest;  // {x:path} follows
  };
  struct Search;
  static bool visit(const Node& node, size_t at, Search& search);
  static bool try_endpoint(const Endpoint& endpoint, Search& search);

  Node root_;
};

}  // namespace trimaran::host
