#include "control/deploy_api.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace trimaran {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

// The value of a parameter of the query; "" when it is not there, or no percent-encoding.
std::string parameter(std::string_view query, std::string_view name) {
  for (std::string_view pair : split(query, '&')) {
    size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return percent_decode(pair.substr(equals + 1)).value_or("");
    }
  }
  return "";
}

std::string size_text(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB"};
  double size = static_cast<double>(bytes);
  size_t unit = 0;
  for (; size >= 1000 && unit + 1 < std::size(kUnits); ++unit) size /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", size, kUnits[unit]);
}

}  // namespace

Result<int> read_canary(std::string_view text) {
  auto percent = parse_u64(text.ends_with('%') ? text.substr(0, text.size() - 1) : text);
  if (!percent || *percent < 1 || *percent > 99) {
    return make_error("--canary takes 1% to 99%, not \"" + std::string(text) + "\"");
  }
  return static_cast<int>(*percent);
}

bool is_change(std::string_view path) { return path == "/deploy" || path == "/rollback" || path == "/promote"; }

Status begin_change(Deployer& deployer, std::string_view path, std::string_view query, DeployListener listener) {
  std::string site = parameter(query, "site");
  if (path == "/rollback") return deployer.roll_back(site, parameter(query, "release"), std::move(listener));
  if (path == "/promote") return deployer.promote(site, std::move(listener));
  std::string share = parameter(query, "canary");
  auto canary = share.empty() ? Result<int>(0) : read_canary(share);
  if (!canary) return std::unexpected(canary.error());
  std::string source = parameter(query, "source");
  if (!source.starts_with('/')) return make_error("source: expected an absolute path");
  return deployer.deploy({.domain = site, .source = source, .canary = *canary}, std::move(listener));
}

ControlAnswer answer_releases(const Deployer& deployer, std::string_view query) {
  auto releases = deployer.releases(parameter(query, "site"));
  if (!releases) return {409, message_json(releases.error().message)};
  Json out = {{"releases", Json::array()}};
  for (const ReleaseReport& report : *releases) {
    const release::Release& release = report.release;
    out["releases"].push_back({{"release", release.id},
                               {"state", report.state},
                               {"deployed", iso_date(release.made_at)},
                               {"files", release.files},
                               {"bytes", release.bytes},
                               {"source", release.source}});
  }
  return {200, out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"};
}

std::string said_line(std::string_view text) { return dump({{"say", text}}); }

std::string outcome_line(const DeployOutcome& outcome) {
  return dump({{"exit_code", outcome.exit_code}, {"message", outcome.text}});
}

Result<ChangeLine> read_change_line(std::string_view line) {
  Json json = Json::parse(line, nullptr, false);
  auto is_text = [&](const char* key) { return json.is_object() && json.contains(key) && json[key].is_string(); };
  if (is_text("say")) return ChangeLine{json["say"], std::nullopt};
  if (is_text("message") && json.contains("exit_code") && json["exit_code"].is_number_integer()) {
    return ChangeLine{json["message"], json["exit_code"].get<int>()};
  }
  return make_error("the daemon's answer is not understood: " + std::string(line));
}

Result<std::string> releases_text(std::string_view json) {
  Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("releases"))
    return make_error("the daemon's answer is no list of releases");
  std::string out;
  try {
    for (const Json& r : parsed["releases"]) {
      out += fmt::format("{:20}  {:12}  {:>9}  {}\n", r.at("release").get<std::string>(),
                         r.at("state").get<std::string>(), size_text(r.at("bytes")), r.at("source").get<std::string>());
    }
  } catch (const Json::exception& error) {
    return make_error(std::string("the daemon's answer is no list of releases: ") + error.what());
  }
  if (out.empty()) return "nothing was deployed yet: the site is served from its own folder\n";
  return fmt::format("{:20}  {:12}  {:>9}  {}\n", "RELEASE", "STATE", "SIZE", "MADE FROM") + out;
}

}  // namespace trimaran
