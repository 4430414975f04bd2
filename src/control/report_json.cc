#include "control/report_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "control/version.h"

namespace trimaran {
namespace {

using Json = nlohmann::ordered_json;

// The counters are another process's words: what is no object becomes an empty one.
Json counters(const std::string& text) {
  Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_object() ? parsed : Json::object();
}

Json service_json(const ServiceReport& service) {
  Json out = {{"name", service.name}, {"kind", service.kind},         {"state", service.state},
              {"since_s", nullptr},   {"restarts", service.restarts}, {"reason", service.reason}};
  if (service.since_s) out["since_s"] = *service.since_s;
  out["pid"] = service.pid > 0 ? Json(service.pid) : Json(nullptr);
  return out;
}

Json site_json(const SiteReport& site) {
  Json out = {
      {"domain", site.domain}, {"app", nullptr}, {"database", {{"engine", site.engine}, {"url", site.database}}}};
  if (!site.app_state.empty()) {
    out["app"] = {{"state", site.app_state},
                  {"reason", site.app_reason},
                  {"target", site.app_target},
                  {"generations", Json::array()}};
    for (const GenerationReport& g : site.generations) {
      out["app"]["generations"].push_back({{"generation", g.number},
                                           {"part", g.part},
                                           {"release", g.release.substr(g.release.rfind('/') + 1)},
                                           {"state", g.state},
                                           {"workers", g.workers},
                                           {"share", g.share}});
    }
  }
  return out;
}

std::string span(int64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

// Columns as wide as their widest cell; the last one is ragged. Cells of the column `state` carry the colour.
class Table {
 public:
  explicit Table(bool colour) : colour_(colour) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  size_t rows() const { return rows_.size(); }

  std::string text() const {
    std::vector<size_t> widths;
    for (const auto& cells : rows_) {
      widths.resize(std::max(widths.size(), cells.size()));
      for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
    }
    std::string out;
    for (const auto& cells : rows_) {
      std::string line;
      for (size_t i = 0; i < cells.size(); ++i) {
        std::string padding = i + 1 < cells.size() ? std::string(widths[i] - cells[i].size() + 2, ' ') : "";
        line += paint(cells[i]) + padding;
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
    return out;
  }

 private:
  std::string paint(const std::string& cell) const {
    if (!colour_) return cell;
    if (cell == "serving") return "\x1b[32m" + cell + "\x1b[0m";
    if (cell == "back-off" || cell == "broken" || cell == "degraded") return "\x1b[31m" + cell + "\x1b[0m";
    if (cell == "starting" || cell == "paused" || cell == "draining" || cell == "stopping")
      return "\x1b[33m" + cell + "\x1b[0m";
    return cell;
  }

  bool colour_;
  std::vector<std::vector<std::string>> rows_;
};

void add_generations(const Json& site, Table& table) {
  if (site.at("app").is_null()) return;
  for (const Json& g : site.at("app").at("generations")) {
    std::string release = g.at("release");
    table.row({site.at("domain"), std::to_string(g.at("generation").get<int>()), g.at("part"),
               release.empty() ? "-" : release, g.at("state"), std::to_string(g.at("workers").get<int>()),
               fmt::format("{} %", g.at("share").get<int>())});
  }
}

std::string render(const Json& status, bool colour) {
  Table head(colour), services(colour), sites(colour), generations(colour);
  head.row({"trimaran " + status.at("version").get<std::string>(), status.at("state"),
            fmt::format("pid {}, up {}, configuration {}", status.at("pid").get<int64_t>(), span(status.at("uptime_s")),
                        status.at("generation").get<int64_t>())});
  services.row({"SERVICE", "STATE", "SINCE", "PID", "RESTARTS", ""});
  for (const Json& service : status.at("services")) {
    const Json &pid = service.at("pid"), &since = service.at("since_s");
    services.row({service.at("name"), service.at("state"), since.is_null() ? "-" : span(since),
                  pid.is_null() ? "-" : std::to_string(pid.get<int64_t>()),
                  std::to_string(service.at("restarts").get<int64_t>()), service.at("reason")});
  }
  sites.row({"SITE", "APP", "DATABASE", ""});
  for (const Json& site : status.at("sites")) {
    const Json& app = site.at("app");
    sites.row({site.at("domain"), app.is_null() ? "-" : app.at("state").get<std::string>(),
               site.at("database").at("engine"), app.is_null() ? "" : app.at("reason").get<std::string>()});
  }
  generations.row({"SITE", "GENERATION", "PART", "RELEASE", "STATE", "WORKERS", "REQUESTS"});
  for (const Json& site : status.at("sites")) add_generations(site, generations);
  std::string listeners = "listens on";
  for (const Json& listener : status.at("listeners")) {
    listeners +=
        fmt::format(" {} {}", listener.at("kind").get<std::string>(), listener.at("address").get<std::string>());
    if (&listener != &status.at("listeners").back()) listeners += ",";
  }
  return head.text() + status.at("site_file").get<std::string>() + "\n" + listeners + "\n\n" + services.text() + "\n" +
         sites.text() + (generations.rows() > 1 ? "\n" + generations.text() : "");
}

std::unexpected<Error> unreadable(const Json::exception& error) {
  return make_error(std::string("the daemon's status cannot be read: ") + error.what());
}

}  // namespace

std::string report_json(const Report& report) {
  Json out = {{"version", version()},          {"pid", report.pid},
              {"uptime_s", report.uptime_s},   {"state", report.state},
              {"site_file", report.site_file}, {"generation", report.generation},
              {"services", Json::array()},     {"listeners", Json::array()},
              {"sites", Json::array()}};
  for (const ServiceReport& service : report.services) out["services"].push_back(service_json(service));
  for (const ListenerReport& listener : report.listeners) {
    out["listeners"].push_back({{"kind", listener.kind}, {"address", listener.address}});
  }
  for (const SiteReport& site : report.sites) out["sites"].push_back(site_json(site));
  out["front"] = counters(report.front_json);
  out["nameserver"] = counters(report.nameserver_json);
  // A reason may quote an application's bytes: what is no UTF-8 is replaced, not thrown.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<DaemonIdentity> daemon_identity(std::string_view json) {
  try {
    Json status = Json::parse(json);
    return DaemonIdentity{status.at("site_file"), status.at("pid")};
  } catch (const Json::exception& error) {
    return unreadable(error);
  }
}

Result<StatusText> status_text(std::string_view json, bool colour) {
  try {
    Json status = Json::parse(json);
    return StatusText{render(status, colour), status.at("state") != "serving"};
  } catch (const Json::exception& error) {
    return unreadable(error);
  }
}

}  // namespace trimaran
