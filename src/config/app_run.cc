// [app] run: what kind of application it is, and where its code is.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "config/tables.h"

namespace trimaran {
namespace {

constexpr std::string_view kForms =
    "write \"wsgi:MODULE:CALLABLE\", \"asgi:MODULE:CALLABLE\", \"native:PATH.so\", \"http:COMMAND\" or \"php:FOLDER\"";

bool is_identifier(std::string_view word) {
  auto good = [](char c) { return is_digit(c) || c == '_' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'); };
  return !word.empty() && !is_digit(word[0]) && std::all_of(word.begin(), word.end(), good);
}

bool is_dotted(std::string_view name) {
  std::vector<std::string_view> parts = split(name, '.');
  return std::all_of(parts.begin(), parts.end(), is_identifier);
}

// "module:callable", both may have dots: "shop.wsgi:application".
bool is_python_target(std::string_view target) {
  size_t colon = target.find(':');
  return colon != std::string_view::npos && is_dotted(target.substr(0, colon)) && is_dotted(target.substr(colon + 1));
}

// The module that somebody meant who wrote only one word: the one of that name, else one of the usual names, in the
// application's folder. "" when there is none.
std::string nearest_module(std::string_view word, const FileScope& scope, const std::string& directory) {
  if (!scope.look_at_files()) return "";
  for (std::string_view module : {word, std::string_view("wsgi"), std::string_view("app"), std::string_view("main")}) {
    std::string path(module);
    std::replace(path.begin(), path.end(), '.', '/');
    if (is_dotted(module) && scope.problem_with_file(directory + "/" + path + ".py").empty())
      return std::string(module);
  }
  return "";
}

void read_python(TableReader& reader, std::string_view target, const FileScope& scope, AppConfig& out) {
  out.target = std::string(target);
  if (is_python_target(target)) return;
  std::string_view kind = to_string(out.kind);
  std::string module = nearest_module(target, scope, out.directory);
  // "application" is the callable's usual name: nobody means a module.
  if (module.empty() && is_dotted(target) && target != "application") module = target;
  std::string_view callable = out.kind == AppKind::wsgi ? "application" : "app";
  reader.report("run", fmt::format("run: \"{}:{}\" names no callable in a module", kind, target),
                !module.empty()
                    ? fmt::format("did you mean \"{}:{}:{}\"?", kind, module, callable)
                    : fmt::format("write \"{0}:MODULE:CALLABLE\", such as \"{0}:{0}:{1}\"", kind, callable));
}

void read_native(TableReader& reader, std::string_view target, const FileScope& scope, AppConfig& out) {
  if (target.empty()) {
    reader.report("run", "run: \"native:\" names no file", "write \"native:PATH.so\"");
    return;
  }
  out.target = scope.absolute(target);
  scope.report_path(reader.place("run"), "run", out.target, scope.problem_with_file(out.target),
                    "build the application first");
}

// A folder of scripts; "php:" alone is the application's folder.
void read_php(TableReader& reader, std::string_view target, const FileScope& scope, AppConfig& out) {
  out.target = target.empty() ? out.directory : scope.absolute(target);
  scope.report_path(reader.place("run"), "run", out.target, scope.problem_with_folder(out.target),
                    "write \"php:FOLDER\", such as \"php:public\"");
}

// "http:" alone is the `web:` line of the Procfile, which is read when the application starts.
void read_http(std::string_view target, AppConfig& out) {
  while (target.starts_with(' ')) target.remove_prefix(1);
  out.target = std::string(target);
}

std::optional<AppKind> kind_of(std::string_view word) {
  for (AppKind kind : {AppKind::wsgi, AppKind::asgi, AppKind::native, AppKind::http, AppKind::php}) {
    if (word == to_string(kind)) return kind;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(AppKind kind) {
  static constexpr std::array<std::string_view, 5> kNames = {"wsgi", "asgi", "native", "http", "php"};
  return kNames[static_cast<size_t>(kind)];
}

void read_run(TableReader& reader, const std::string& run, const FileScope& scope, AppConfig& out) {
  size_t colon = run.find(':');
  std::string_view target = colon == std::string::npos ? "" : std::string_view(run).substr(colon + 1);
  std::optional<AppKind> kind = colon == std::string::npos ? std::nullopt : kind_of(run.substr(0, colon));
  if (!kind) {
    std::string hint(kForms);
    if (is_python_target(run)) hint = fmt::format("did you mean \"wsgi:{}\"?", run);
    if (run.ends_with(".so")) hint = fmt::format("did you mean \"native:{}\"?", run);
    reader.report("run", fmt::format("run: \"{}\" does not say what kind of application it is", run), hint);
    return;
  }
  out.kind = *kind;
  if (*kind == AppKind::native) return read_native(reader, target, scope, out);
  if (*kind == AppKind::php) return read_php(reader, target, scope, out);
  if (*kind == AppKind::http) return read_http(target, out);
  read_python(reader, target, scope, out);
}

}  // namespace trimaran
