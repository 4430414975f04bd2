#include "control/control_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "control/report_json.h"

namespace trimaran {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBinaryKey = "binary=";
constexpr std::string_view kPaths[] = {"/status",           "/reload", "/upgrade",  "/stop",    "/pause",   "/resume",
                                       "/database/restart", "/deploy", "/rollback", "/promote", "/releases"};

int http_status(const ReloadOutcome& outcome) {
  switch (outcome.exit_code) {
    case 0:
      return 200;
    case 2:
      return 422;
    default:
      return outcome.in_force ? 503 : 409;
  }
}

}  // namespace

std::optional<ControlAnswer> ControlApi::refuse(http::Method method, std::string_view path) {
  using http::Method;
  bool of_site = path.starts_with("/pause/") || path.starts_with("/resume/");
  bool known = of_site || std::find(std::begin(kPaths), std::end(kPaths), path) != std::end(kPaths);
  if (!known) {
    return ControlAnswer{404,
                         message_json("there are GET /status, /releases and POST /reload, /upgrade, /stop, /pause, "
                                      "/resume, /database/restart, /deploy, /rollback, /promote")};
  }
  Method wanted = path == "/status" || path == "/releases" ? Method::get : Method::post;
  if (method == wanted) return std::nullopt;
  return ControlAnswer{405, message_json(std::string(path) + " takes " + std::string(http::method_name(wanted)))};
}

ControlAnswer ControlApi::handle(http::Method method, std::string_view path) {
  if (auto refused = refuse(method, path)) return *refused;
  if (path == "/status") return {200, report_json(actions_.report())};
  if (path == "/reload") return outcome_answer(actions_.reload());
  for (std::string_view verb : {"/pause", "/resume"}) {
    if (!path.starts_with(verb)) continue;
    std::string_view site = path.substr(std::min(path.size(), verb.size() + 1));
    return outcome_answer(actions_.pause(std::string(site), verb == "/pause"));
  }
  actions_.stop();
  return {202, message_json("stopping")};
}

ControlAnswer outcome_answer(const ReloadOutcome& outcome) {
  return {http_status(outcome), message_json(outcome.text)};
}

Result<std::string> upgrade_binary(std::string_view query) {
  if (query.empty()) return "";
  auto path = query.starts_with(kBinaryKey) ? percent_decode(query.substr(kBinaryKey.size())) : std::nullopt;
  if (!path || !path->starts_with('/') || path->contains('\0')) return make_error("binary must be an absolute path");
  return *path;
}

std::string upgrade_target(std::string_view binary) {
  if (binary.empty()) return "/upgrade";
  return "/upgrade?" + std::string(kBinaryKey) + percent_encode(binary);
}

std::string message_json(std::string_view text) {
  return Json{{"message", text}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string json_message(std::string_view json) {
  Json parsed = Json::parse(json, nullptr, false);
  if (parsed.is_object() && parsed.contains("message") && parsed["message"].is_string()) return parsed["message"];
  return std::string(json);
}

}  // namespace trimaran
