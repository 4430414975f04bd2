#include "base/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

namespace trimaran {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string format_diagnostic(const Diagnostic& d, std::string_view source_line) {
  std::string out = d.file;
  if (d.line > 0) out += fmt::format(":{}", d.line);
  if (d.line > 0 && d.column > 0) out += fmt::format(":{}", d.column);
  out += (d.is_warning ? ": warning: " : ": error: ") + d.message;
  if (!d.hint.empty()) out += "; " + d.hint;
  out += '\n';
  if (source_line.empty()) return out;
  std::string margin = fmt::format("{:>5} | ", d.line);
  out += margin + std::string(source_line) + '\n';
  if (d.column > 0 && static_cast<size_t>(d.column) <= source_line.size() + 1) {
    out += "      | ";
    for (int i = 0; i + 1 < d.column; ++i) out += source_line[static_cast<size_t>(i)] == '\t' ? '\t' : ' ';
    out += "^\n";
  }
  return out;
}

constexpr size_t kBeginningMin = 3;

std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    size_t distance = edit_distance(word, candidate);
    // "stat" is as far from "stop" as from "status", and means the one that it begins.
    if (word.size() >= kBeginningMin && candidate.starts_with(word)) distance = 1;
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace trimaran
