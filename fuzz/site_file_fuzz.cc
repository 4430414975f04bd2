// Any text is a good site file or a list of mistakes, and a bundle of sources is what was encoded or refused. The
// input is a site file; input that begins with the bundle's first line is tried as a bundle as well.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "config/config.h"

using trimaran::SourceBundle;

namespace {

// Mistakes must have places that the user can find, and showing them must not fail.
void parse(const SourceBundle& sources) {
  trimaran::ParsedConfig parsed = trimaran::parse_config(sources);
  for (const trimaran::Diagnostic& mistake : parsed.diagnostics) {
    TRIMARAN_ASSERT(!mistake.message.empty() && mistake.line >= 0 && mistake.column >= 0);
  }
  TRIMARAN_ASSERT(trimaran::format_diagnostics(parsed.diagnostics, sources).empty() == parsed.diagnostics.empty());
  TRIMARAN_ASSERT(!parsed.diagnostics.empty() || !parsed.config.sites.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  SourceBundle sources;
  sources.files.push_back({"/site/trimaran.toml", std::string(text)});
  sources.look_at_files = false;
  parse(sources);
  if (auto decoded = SourceBundle::decode(text)) {
    TRIMARAN_ASSERT(decoded->encode() == text);
    parse(*decoded);
  }
  return 0;
}
