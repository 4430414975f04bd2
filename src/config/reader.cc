#include "config/reader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "config/units.h"

namespace trimaran {
namespace {

// Words that people write from habit and that are too far from our key for nearest_word().
struct Synonym {
  std::string_view word, key;
};
constexpr Synonym kSynonyms[] = {
    {"python", "interpreter"},
    {"command", "run"},
    {"module", "run"},
    {"processes", "workers"},
    {"cwd", "directory"},
    {"folder", "directory"},
    {"environment", "env_file"},
    {"env", "env_file"},
    {"host", "domain"},
    {"hostname", "domain"},
    {"name", "domain"},
    {"ip", "address"},
    {"static", "root"},
    {"public", "root"},
    {"folder", "files"},
    {"to", "redirect"},
    {"location", "redirect"},
    {"port", "http"},
    {"type", "engine"},
    {"ns", "nameservers"},
    {"migrate", "before_switch"},
    {"build", "prepare"},
    {"max_workers", "workers_max"},
    {"prefix", "path"},
    {"data", "state"},
    {"group", "user"},
    {"max_body", "body"},
};

std::string_view suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  for (const Synonym& synonym : kSynonyms) {
    if (word == synonym.word && std::find(known.begin(), known.end(), synonym.key) != known.end()) return synonym.key;
  }
  return nearest_word(word, known);
}

constexpr std::string_view kMissing = "does not exist";

std::string join(const std::filesystem::path& folder, std::string_view path) {
  std::string out = (folder / path).lexically_normal().string();
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

bool is_control(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte == 0x7f || (byte < 0x20 && c != '\t' && c != '\n' && c != '\r');
}

}  // namespace

FileScope::FileScope(const std::string& file, bool look_at_files, Diagnostics& diagnostics)
    : file_(file),
      folder_(std::filesystem::path(file).parent_path().string()),
      look_at_files_(look_at_files),
      diagnostics_(diagnostics) {}

void FileScope::report(Place place, std::string message, std::string hint) const {
  diagnostics_.push_back({file_, place.line, place.column, std::move(message), std::move(hint)});
}

void FileScope::report_path(Place place, std::string_view key, const std::string& path, std::string_view problem,
                            std::string hint) const {
  if (problem.empty()) return;
  std::string message = fmt::format("{}: {} {}", key, path, problem);
  if (!warnings_ || problem != kMissing || !path.starts_with(folder_ + "/")) {
    return report(place, std::move(message), std::move(hint));
  }
  warnings_->push_back({file_, place.line, place.column, message + " yet",
                        "the site serves nothing until the first `trimaran deploy`, which has to bring it", true});
}

std::string FileScope::absolute(std::string_view path) const { return join(folder_, path); }

std::string FileScope::beside_file(std::string_view path) const {
  return join(std::filesystem::path(file_).parent_path(), path);
}

std::string_view FileScope::problem_with(const std::string& path, bool folder) const {
  if (!look_at_files_) return "";
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    // Whether we may look into it is for the process that opens it to say.
    return errno == ENOENT || errno == ENOTDIR ? kMissing : "";
  }
  if (!folder && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode))) return "is a pipe";
  if (S_ISDIR(info.st_mode) == folder) return "";
  return folder ? "is not a folder" : "is a folder";
}

TableReader::TableReader(const TomlValue* table, std::string_view name, const FileScope& scope)
    : table_(table), name_(name), scope_(scope) {}

const TomlEntry* TableReader::find(std::string_view key) {
  known_.push_back(key);
  return table_ == nullptr ? nullptr : table_->find(key);
}

const TomlValue* TableReader::find(std::string_view key, TomlValue::Kind kind) {
  const TomlEntry* entry = find(key);
  if (entry == nullptr) return nullptr;
  if (entry->value.kind == kind) return &entry->value;
  report(key, fmt::format("{}: expected {}, found {}", key, describe(kind), describe(entry->value.kind)));
  return nullptr;
}

bool TableReader::has(std::string_view key) { return find(key) != nullptr; }

const TomlValue* TableReader::value(std::string_view key) {
  const TomlEntry* entry = find(key);
  return entry == nullptr ? nullptr : &entry->value;
}

Place TableReader::place(std::string_view key) {
  const TomlEntry* entry = find(key);
  return entry == nullptr ? table_place() : entry->value.place;
}

void TableReader::report(std::string_view key, std::string message, std::string hint) {
  scope_.report(place(key), std::move(message), std::move(hint));
}

bool TableReader::check_text(std::string_view key, const TomlValue& value) {
  if (value.kind != TomlValue::Kind::string) {
    scope_.report(value.place, fmt::format("{}: expected a string, found {}", key, describe(value.kind)));
  } else if (value.text.empty()) {
    scope_.report(value.place, fmt::format("{} must not be empty", key));
  } else if (std::any_of(value.text.begin(), value.text.end(), is_control)) {
    scope_.report(value.place, fmt::format("{} must not contain control characters", key));
  } else {
    return true;
  }
  return false;
}

bool TableReader::read_text(std::string_view key, std::string& out) {
  const TomlEntry* entry = find(key);
  if (entry == nullptr || !check_text(key, entry->value)) return false;
  out = entry->value.text;
  return true;
}

bool TableReader::read_texts(std::string_view key, std::vector<PlacedText>& out) {
  const TomlEntry* entry = find(key);
  if (entry == nullptr) return false;
  const TomlValue& value = entry->value;
  std::vector<PlacedText> texts;
  if (value.kind == TomlValue::Kind::array) {
    for (const TomlValue& item : value.items) {
      if (check_text(key, item)) texts.push_back({item.text, item.place});
    }
    if (texts.empty() && !value.items.empty()) return false;  // else the others are looked at all the same
  } else if (check_text(key, value)) {
    texts.push_back({value.text, value.place});
  } else {
    return false;
  }
  out = std::move(texts);
  return true;
}

bool TableReader::read_flag(std::string_view key, bool& out) {
  const TomlValue* value = find(key, TomlValue::Kind::boolean);
  if (value == nullptr) return false;
  out = value->boolean;
  return true;
}

bool TableReader::read_number(std::string_view key, int64_t& out, int64_t min, int64_t max) {
  const TomlValue* value = find(key, TomlValue::Kind::integer);
  if (value == nullptr) return false;
  if (value->integer < min || value->integer > max) {
    report(key, fmt::format("{}: expected {} to {}, found {}", key, min, max, value->integer));
    return false;
  }
  out = value->integer;
  return true;
}

bool TableReader::read_duration(std::string_view key, Millis& out, Millis min, Millis max) {
  const TomlEntry* entry = find(key);
  if (entry == nullptr) return false;
  const TomlValue& value = entry->value;
  std::optional<Millis> span;
  if (value.kind == TomlValue::Kind::string) span = parse_duration(value.text);
  if (value.kind == TomlValue::Kind::integer && value.integer >= 0 && value.integer <= INT64_MAX / 1000) {
    span = value.integer * 1000;
  }
  if (!span) {
    report(key, fmt::format("{}: expected a duration", key),
           "write whole seconds, or \"500ms\", \"2s\", \"5m\", \"1h\", \"1y\"");
    return false;
  }
  if (*span < min || *span > max) {
    report(key, fmt::format("{}: expected {} to {}, found {}", key, format_duration(min), format_duration(max),
                            format_duration(*span)));
    return false;
  }
  out = *span;
  return true;
}

bool TableReader::read_size(std::string_view key, uint64_t& out, uint64_t min, uint64_t max) {
  const TomlEntry* entry = find(key);
  if (entry == nullptr) return false;
  const TomlValue& value = entry->value;
  std::optional<uint64_t> size;
  if (value.kind == TomlValue::Kind::string) size = parse_size(value.text);
  if (value.kind == TomlValue::Kind::integer && value.integer >= 0) size = static_cast<uint64_t>(value.integer);
  if (!size) {
    report(key, fmt::format("{}: expected a size", key), "write bytes, or \"64k\", \"16M\", \"1G\"");
    return false;
  }
  if (*size < min || *size > max) {
    report(key,
           fmt::format("{}: expected {} to {}, found {}", key, format_size(min), format_size(max), format_size(*size)));
    return false;
  }
  out = *size;
  return true;
}

bool TableReader::read_path(std::string_view key, std::string& out) {
  std::string text;
  if (!read_text(key, text)) return false;
  out = scope_.absolute(text);
  return true;
}

bool TableReader::read_folder(std::string_view key, std::string& out) {
  std::string path;
  if (!read_path(key, path)) return false;
  std::string_view problem = scope_.problem_with_folder(path);
  scope_.report_path(place(key), key, path, problem);
  out = std::move(path);
  return problem.empty();
}

bool TableReader::read_file(std::string_view key, std::string& out) {
  std::string path;
  if (!read_path(key, path)) return false;
  std::string_view problem = scope_.problem_with_file(path);
  if (!problem.empty()) report(key, fmt::format("{}: {} {}", key, path, problem));
  out = std::move(path);
  return problem.empty();
}

const TomlValue* TableReader::read_table(std::string_view key) {
  const TomlEntry* entry = find(key);
  if (entry == nullptr) return nullptr;
  if (entry->value.kind == TomlValue::Kind::table) return &entry->value;
  scope_.report(entry->place, fmt::format("{}: expected a table, found {}", key, describe(entry->value.kind)),
                fmt::format("write [{}] on a line of its own, and its keys below it", key));
  return nullptr;
}

void TableReader::report_unknown_keys() {
  if (table_ == nullptr) return;
  for (const TomlEntry& entry : table_->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    std::string_view near = suggestion(entry.key, known_);
    scope_.report(entry.place, fmt::format("unknown key \"{}\" in {}", entry.key, name_),
                  near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
  }
}

}  // namespace trimaran
