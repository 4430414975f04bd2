#include "host/router.h"

#include <charconv>
#include <set>

#include "base/strings.h"

namespace trimaran::host {

namespace {

// The whole of `text` as a decimal number with an optional minus.
std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The methods that App can register, in their usual order.
std::string allow_header(const std::set<std::string>& methods) {
  std::string out;
  auto append = [&](std::string_view method) { out += (out.empty() ? "" : ", ") + std::string(method); };
  constexpr std::string_view kUsual[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  for (std::string_view method : kUsual) {
    if (methods.contains(std::string(method))) append(method);
  }
  return out;
}

}  // namespace

struct Router::Search {
  std::string_view method;
  std::vector<std::string> segments;  // decoded
  detail::PathValues values;
  const detail::AnyHandler* handler = nullptr;
  bool path_exists = false;
  std::set<std::string> methods;  // of the addresses that exist but not for `method`
};

Status Router::add(std::string_view method, std::string_view pattern, std::unique_ptr<detail::AnyHandler> handler) {
  Node* node = &root_;
  Endpoint* endpoint = nullptr;
  for (std::string_view segment : split(pattern.substr(1), '/')) {
    if (segment.starts_with('{') && segment.ends_with(":path}")) {
      endpoint = &node->rest;
      break;
    }
    std::unique_ptr<Node>& next = !segment.starts_with('{')    ? node->texts[std::string(segment)]
                                  : segment.ends_with(":int}") ? node->integer
                                                               : node->text;
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  if (!endpoint) endpoint = &node->here;
  auto [_, added] = endpoint->handlers.try_emplace(std::string(method), std::move(handler));
  if (!added) {
    std::string which = method.empty() ? "any method" : std::string(method);
    return make_error("two handlers for " + which + " " + std::string(pattern) + " (parameter names do not count)");
  }
  return {};
}

const detail::AnyHandler* Router::Endpoint::handler(std::string_view method) const {
  auto found = handlers.find(method);
  if (found == handlers.end() && method == "HEAD") found = handlers.find("GET");
  if (found == handlers.end()) found = handlers.find("");
  return found == handlers.end() ? nullptr : found->second.get();
}

bool Router::try_endpoint(const Endpoint& endpoint, Search& search) {
  if (endpoint.handlers.empty()) return false;
  search.handler = endpoint.handler(search.method);
  if (search.handler) return true;
  search.path_exists = true;
  for (const auto& [method, _] : endpoint.handlers) {
    search.methods.insert(method);
    if (method == "GET") search.methods.insert("HEAD");  // RFC 9110 section 9.1: a GET resource has HEAD
  }
  return false;
}

bool Router::visit(const Node& node, size_t at, Search& search) {
  if (at == search.segments.size()) return try_endpoint(node.here, search);
  const std::string& segment = search.segments[at];
  if (auto found = node.texts.find(segment); found != node.texts.end() && visit(*found->second, at + 1, search)) {
    return true;
  }
  size_t values = search.values.size();
  if (node.integer) {
    if (auto number = whole_number(segment)) {
      search.values.push_back({.text = {}, .number = *number});
      if (visit(*node.integer, at + 1, search)) return true;
      search.values.resize(values);
    }
  }
  if (node.text && !segment.empty()) {
    search.values.push_back({.text = segment});
    if (visit(*node.text, at + 1, search)) return true;
    search.values.resize(values);
  }
  if (node.rest.handlers.empty()) return false;
  std::string rest = segment;
  for (size_t i = at + 1; i < search.segments.size(); ++i) rest += '/' + search.segments[i];
  search.values.push_back({.text = std::move(rest)});
  if (try_endpoint(node.rest, search)) return true;
  search.values.resize(values);
  return false;
}

Router::Match Router::find(std::string_view method, std::string_view raw_path) const {
  if (!raw_path.starts_with('/')) return {};  // "OPTIONS *"
  Search search{.method = method};
  for (std::string_view segment : split(raw_path.substr(1), '/')) {
    if (search.segments.size() == kSegmentsMax) return {};
    auto decoded = percent_decode(segment);
    if (!decoded) return {.kind = Match::Kind::bad_path};  // RFC 3986 section 2.1: "%" must start an escape
    search.segments.push_back(std::move(*decoded));
  }
  if (visit(root_, 0, search)) {
    return {.kind = Match::Kind::found, .handler = search.handler, .values = std::move(search.values)};
  }
  if (!search.path_exists) return {};
  return {.kind = Match::Kind::method_not_allowed, .allow = allow_header(search.methods)};
}

}  // namespace trimaran::host
