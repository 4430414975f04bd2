// The user's mistakes in a file: collected, then shown all at once, each with its place, the line itself and a hint.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trimaran {

struct Diagnostic {
  std::string file;
  int line = 0;         // from 1; 0 when the mistake has no place in the file
  int column = 0;       // from 1; 0 when only the line is known
  std::string message;  // "unknown key \"python\" in [app]"
  std::string hint;     // "did you mean \"interpreter\"?"; may be empty
  bool is_warning = false;
};

using Diagnostics = std::vector<Diagnostic>;

// "FILE:LINE:COL: error: MESSAGE; HINT", then, when `source_line` is given, the line and a caret under the column.
std::string format_diagnostic(const Diagnostic& diagnostic, std::string_view source_line = {});

// The candidate nearest to `word` (edit distance at most 2, or a third of its length), or "" when none is near.
std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace trimaran
