// [deploy], [[process]] and [[cron]]: how a release takes over, and what belongs to it besides its web workers.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "config/cron_schedule.h"
#include "config/tables.h"

namespace trimaran {
namespace {

constexpr size_t kMaxProcesses = 64;  // of one site
constexpr size_t kMaxCronJobs = 256;
constexpr Millis kDay = 86'400ll * 1000;

// [[name]] as a list of tables; nothing when it is something else, or too long.
const std::vector<TomlValue>* tables_of(const TomlValue* value, std::string_view name, size_t max,
                                        const FileScope& scope) {
  if (value == nullptr) return nullptr;
  bool all_tables = value->kind == TomlValue::Kind::array &&
                    std::all_of(value->items.begin(), value->items.end(),
                                [](const TomlValue& item) { return item.kind == TomlValue::Kind::table; });
  if (!all_tables) {
    scope.report(value->place, fmt::format("{}: expected tables", name),
                 fmt::format("write [[{}]] with two brackets", name));
    return nullptr;
  }
  if (value->items.size() > max) {
    scope.report(value->items[max].place, fmt::format("more than {} [[{}]]", max, name));
    return nullptr;
  }
  return &value->items;
}

// A name stands in logs and in status: letters, digits, hyphens.
bool is_name(std::string_view name) {
  auto good = [](char c) {
    return is_digit(c) || c == '-' || c == '_' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
  };
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), good);
}

// name and run, which both kinds have.
template <class T>
void read_named_command(TableReader& reader, std::string_view table, const std::vector<T>& others, T& out) {
  if (!reader.has("name")) {
    reader.report("name", fmt::format("[[{}]] has no name", table), "add a line such as name = \"jobs\"");
  } else if (reader.read_text("name", out.name)) {
    if (!is_name(out.name)) reader.report("name", "name: expected at most 32 letters, digits and hyphens");
    bool taken = std::any_of(others.begin(), others.end(), [&](const T& other) { return other.name == out.name; });
    if (taken) reader.report("name", fmt::format("name: another [[{}]] is \"{}\" already", table, out.name));
  }
  if (!reader.has("run")) {
    reader.report("run", fmt::format("[[{}]] has no run", table), "add a line such as run = \"python3 jobs.py\"");
  } else {
    reader.read_text("run", out.run);
  }
}

void check_has_app(const FileScope& scope, const TomlValue& at, std::string_view name, const SiteConfig& site) {
  if (!site.app) scope.report(at.place, fmt::format("[[{}]] without an [app]", name), "they belong to its releases");
}

}  // namespace

void read_deploy(const TomlValue* table, const FileScope& scope, DeployConfig& out) {
  TableReader reader(table, "[deploy]", scope);
  reader.read_text("prepare", out.prepare);
  reader.read_text("before_switch", out.before_switch);
  reader.read_duration("hook_timeout", out.hook_timeout_ms, 1'000, kDay);
  reader.read_number_as("keep", out.keep, 2, 100);
  reader.read_duration("warm", out.warm_ms, 0, 7 * kDay);
  reader.read_duration("drain", out.drain_ms, 1'000, 7 * kDay);
  reader.report_unknown_keys();
}

void read_processes(const TomlValue* processes, const FileScope& scope, SiteConfig& out) {
  const std::vector<TomlValue>* items = tables_of(processes, "process", kMaxProcesses, scope);
  if (items == nullptr) return;
  for (const TomlValue& item : *items) {
    TableReader reader(&item, "[[process]]", scope);
    ProcessConfig process;
    read_named_command(reader, "process", out.processes, process);
    reader.report_unknown_keys();
    out.processes.push_back(std::move(process));
  }
  if (!items->empty()) check_has_app(scope, items->front(), "process", out);
}

void read_cron(const TomlValue* jobs, const FileScope& scope, SiteConfig& out) {
  const std::vector<TomlValue>* items = tables_of(jobs, "cron", kMaxCronJobs, scope);
  if (items == nullptr) return;
  for (const TomlValue& item : *items) {
    TableReader reader(&item, "[[cron]]", scope);
    CronConfig job;
    read_named_command(reader, "cron", out.cron, job);
    if (!reader.has("schedule")) {
      reader.report("schedule", "[[cron]] has no schedule", "add a line such as schedule = \"30 4 * * *\"");
    } else if (reader.read_text("schedule", job.schedule)) {
      std::string why;
      if (!parse_cron_schedule(job.schedule, why)) {
        reader.report("schedule", fmt::format("schedule: {}", why),
                      "write minute, hour, day of the month, month, day of the week, such as \"30 4 * * 1-5\"");
      }
    }
    reader.report_unknown_keys();
    out.cron.push_back(std::move(job));
  }
  if (!items->empty()) check_has_app(scope, items->front(), "cron", out);
}

}  // namespace trimaran
