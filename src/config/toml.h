// TOML text as a small tree with a place in the file for every key and value. toml++ does the parsing; it is included
// in toml.cc alone, because its header costs seconds in every file that sees it and its types would end up everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trimaran {

// A position in a file, both from 1; columns count characters. {0, 0}: the file as a whole.
struct Place {
  int line = 0;
  int column = 0;
};

struct TomlEntry;

struct TomlValue {
  enum class Kind { string, integer, real, boolean, date, array, table };
  Kind kind = Kind::table;
  Place place;
  std::string text;                // Kind::string
  int64_t integer = 0;             // Kind::integer
  bool boolean = false;            // Kind::boolean
  std::vector<TomlValue> items;    // Kind::array
  std::vector<TomlEntry> entries;  // Kind::table, in the order of the file

  const TomlEntry* find(std::string_view key) const;  // in a table; nullptr when it is not there
};

struct TomlEntry {
  std::string key;
  Place place;  // of the key
  TomlValue value;
};

// "a string", "a whole number", ... for messages.
std::string_view describe(TomlValue::Kind kind);

struct TomlError {
  Place place;
  std::string message;
};

// The whole document as one table; otherwise nothing, and `error` is filled in.
std::optional<TomlValue> parse_toml(std::string_view text, TomlError& error);

}  // namespace trimaran
