#include "config/toml.h"

// toml++ 3.3 is undefined behaviour for two kinds of wrong files, both found by the fuzz target: "[!x]" breaks an
// assertion (parse_key in parser.inl), which NDEBUG turns into an assumption, and an unquoted letter such as U+00F6
// reaches a TOML_UNREACHABLE (is_non_ascii_horizontal_whitespace). Its own error for each stands just behind, so the
// assertions are switched off, and what it calls unreachable about a character is the answer no.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/impl/forward_declarations.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE __builtin_unreachable()
#include <toml++/toml.h>

#include <algorithm>

namespace trimaran {
namespace {

// A site file needs two levels, a table in an array included. What is deeper is cut off here; its parent is already an
// unknown key or a wrong type, so nothing that matters is lost, and no input decides how deep we recurse.
constexpr int kMaxDepth = 4;

// toml++ recurses with the depth of the tables, and a dotted key makes one level per dot: 100,000 of them overflow its
// stack (it limits only brackets). Dots in strings are counted too, which harms no line that a person wrote: an
// ip6.arpa name has 34.
constexpr int kMaxDotsInLine = 1000;

Place place_of(const toml::source_position& at) { return {static_cast<int>(at.line), static_cast<int>(at.column)}; }

TomlValue convert(const toml::node& node, int depth);

void convert_table(const toml::table& table, TomlValue& out, int depth) {
  for (const auto& [key, value] : table) {
    out.entries.push_back({std::string(key.str()), place_of(key.source().begin), convert(value, depth + 1)});
  }
  // toml++ keeps its tables sorted by name.
  std::sort(out.entries.begin(), out.entries.end(), [](const TomlEntry& a, const TomlEntry& b) {
    return a.place.line != b.place.line ? a.place.line < b.place.line : a.place.column < b.place.column;
  });
}

TomlValue convert(const toml::node& node, int depth) {
  using Kind = TomlValue::Kind;
  TomlValue out;
  out.place = place_of(node.source().begin);
  if (const auto* table = node.as_table()) {
    out.kind = Kind::table;
    if (depth < kMaxDepth) convert_table(*table, out, depth);
  } else if (const auto* array = node.as_array()) {
    out.kind = Kind::array;
    if (depth < kMaxDepth) {
      for (const toml::node& item : *array) out.items.push_back(convert(item, depth + 1));
    }
  } else if (const auto* text = node.as_string()) {
    out.kind = Kind::string;
    out.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.kind = Kind::integer;
    out.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    out.kind = Kind::boolean;
    out.boolean = boolean->get();
  } else {
    out.kind = node.is_floating_point() ? Kind::real : Kind::date;
  }
  return out;
}

// The first line with more dots than any may have; 0 when there is none.
int line_with_too_many_dots(std::string_view text) {
  int line = 1, dots = 0;
  for (char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
    } else if (c == '.' && ++dots > kMaxDotsInLine) {
      return line;
    }
  }
  return 0;
}

// toml++ says "Error while parsing array: encountered end-of-file"; a diagnostic says "error" already.
std::string message_of(std::string_view description) {
  constexpr std::string_view kPrefix = "Error while parsing ";
  if (!description.starts_with(kPrefix)) return std::string(description);
  description.remove_prefix(kPrefix.size());
  size_t colon = description.find(": ");
  if (colon == std::string_view::npos) return std::string(description);
  return std::string(description.substr(colon + 2)) + " (in a " + std::string(description.substr(0, colon)) + ")";
}

}  // namespace

const TomlEntry* TomlValue::find(std::string_view key) const {
  for (const TomlEntry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::string_view describe(TomlValue::Kind kind) {
  switch (kind) {
    case TomlValue::Kind::string:
      return "a string";
    case TomlValue::Kind::integer:
      return "a whole number";
    case TomlValue::Kind::real:
      return "a number with a fraction";
    case TomlValue::Kind::boolean:
      return "true or false";
    case TomlValue::Kind::date:
      return "a date or time";
    case TomlValue::Kind::array:
      return "an array";
    case TomlValue::Kind::table:
      return "a table";
  }
  return "";
}

std::optional<TomlValue> parse_toml(std::string_view text, TomlError& error) {
  if (int line = line_with_too_many_dots(text); line > 0) {
    error = {{line, 1}, "this line has more than 1000 dots"};
    return std::nullopt;
  }
  toml::parse_result result = toml::parse(text);
  if (!result) {
    error = {place_of(result.error().source().begin), message_of(result.error().description())};
    return std::nullopt;
  }
  TomlValue root = convert(result.table(), 0);
  root.place = {};
  return root;
}

}  // namespace trimaran
