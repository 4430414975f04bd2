// Typed reading of one table of the site file. Each read_x() names a key that the table may have; what is wrong with
// its value becomes a Diagnostic and leaves `out` alone, so a reader goes on to the next key and finds all mistakes. At
// the end report_unknown_keys() complains about every key that nobody asked for. A schema as data was considered: the
// calls say the same in as few lines, and the code that needs the value is where its rule is.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/time.h"
#include "config/toml.h"

namespace trimaran {

// What every reader of one file needs to know.
class FileScope {
 public:
  // `file` is absolute; relative paths start from its folder. `look_at_files`: a named file or folder must exist.
  FileScope(const std::string& file, bool look_at_files, Diagnostics& diagnostics);
  // The same file, whose relative paths start from `folder`: a release.
  FileScope(const FileScope& other, const std::string& folder) : FileScope(other) { folder_ = folder; }

  // What does not exist below folder() may come with the first release: that is a warning.
  void await_release(Diagnostics& warnings) { warnings_ = &warnings; }

  void report(Place place, std::string message, std::string hint = "") const;
  // `problem` with the file or folder `path`, as below; nothing is said of "".
  void report_path(Place place, std::string_view key, const std::string& path, std::string_view problem,
                   std::string hint = "") const;
  std::string absolute(std::string_view path) const;
  std::string beside_file(std::string_view path) const;  // relative to the file even when folder() is a release
  // "does not exist" or "is a folder" when `path` (absolute) is no file; "" when it is one, or when nobody should look.
  std::string_view problem_with_file(const std::string& path) const { return problem_with(path, false); }
  std::string_view problem_with_folder(const std::string& path) const { return problem_with(path, true); }
  const std::string& folder() const { return folder_; }
  bool look_at_files() const { return look_at_files_; }

 private:
  std::string_view problem_with(const std::string& path, bool folder) const;

  std::string file_, folder_;
  bool look_at_files_;
  Diagnostics& diagnostics_;
  Diagnostics* warnings_ = nullptr;  // while a first release is awaited
};

// A string and where it stands.
struct PlacedText {
  std::string text;
  Place place;
};

class TableReader {
 public:
  // `name` is "[app]", for messages. `table` may be null: every key is then missing.
  TableReader(const TomlValue* table, std::string_view name, const FileScope& scope);

  bool has(std::string_view key);     // and it may be there
  Place place(std::string_view key);  // of the value; of the table when the key is missing
  Place table_place() const { return table_ == nullptr ? Place{} : table_->place; }
  const TomlValue* value(std::string_view key);  // nullptr when missing

  // All of these return whether `out` was set.
  bool read_text(std::string_view key, std::string& out);  // not empty, no control characters but tabs and newlines
  bool read_texts(std::string_view key, std::vector<PlacedText>& out);  // one string or an array of them
  bool read_flag(std::string_view key, bool& out);
  bool read_number(std::string_view key, int64_t& out, int64_t min, int64_t max);
  bool read_duration(std::string_view key, Millis& out, Millis min, Millis max);
  bool read_size(std::string_view key, uint64_t& out, uint64_t min, uint64_t max);
  bool read_path(std::string_view key, std::string& out);    // made absolute
  bool read_folder(std::string_view key, std::string& out);  // made absolute; must exist
  bool read_file(std::string_view key, std::string& out);    // made absolute; must exist

  // The same for the narrower types of Config; the range must fit them.
  template <class T>
  bool read_number_as(std::string_view key, T& out, int64_t min, int64_t max) {
    int64_t value = 0;
    if (!read_number(key, value, min, max)) return false;
    out = static_cast<T>(value);
    return true;
  }
  template <class T>
  bool read_size_as(std::string_view key, T& out, uint64_t min, uint64_t max) {
    uint64_t value = 0;
    if (!read_size(key, value, min, max)) return false;
    out = static_cast<T>(value);
    return true;
  }

  // The table with this name inside of `table`, e.g. the document's [app]; null when missing or no table.
  const TomlValue* read_table(std::string_view key);

  void report(std::string_view key, std::string message, std::string hint = "");  // at the value of `key`
  void report_unknown_keys();

 private:
  const TomlEntry* find(std::string_view key);
  const TomlValue* find(std::string_view key, TomlValue::Kind kind);
  bool check_text(std::string_view key, const TomlValue& value);

  const TomlValue* table_;
  std::string name_;
  const FileScope& scope_;
  std::vector<std::string_view> known_;  // keys that were asked for; they are literals
};

}  // namespace trimaran
