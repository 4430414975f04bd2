// A folder of files for one test, and configurations made of it; only the tests of this room include it.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <string>

#include "base/assert.h"
#include "config/config.h"
#include "os/fd.h"

namespace trimaran {

// Gone with the test.
class TestFiles {
 public:
  TestFiles() : folder_(std::filesystem::temp_directory_path() / ("trimaran-config-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
    add("");
  }
  ~TestFiles() { std::filesystem::remove_all(folder_); }
  TestFiles(const TestFiles&) = delete;
  TestFiles& operator=(const TestFiles&) = delete;

  std::string path(std::string_view name) const { return (folder_ / name).lexically_normal().string(); }
  // A name that ends with "/" is a folder.
  void add(std::string_view name, std::string_view text = "") {
    std::filesystem::path whole = folder_ / name;
    std::filesystem::create_directories(whole.parent_path());
    if (name.empty() || name.ends_with('/')) return;
    TRIMARAN_ASSERT(write_file(whole.string(), text));
  }

 private:
  std::filesystem::path folder_;
};

// The sources of a main file /site/trimaran.toml that is nowhere on disk: an ordinary user's, without interfaces.
inline SourceBundle sources_of(std::string_view text) {
  SourceBundle sources;
  sources.files.push_back({"/site/trimaran.toml", std::string(text)});
  sources.look_at_files = false;
  return sources;
}

inline Config good_config(const SourceBundle& sources) {
  ParsedConfig parsed = parse_config(sources);
  fputs(format_diagnostics(parsed.diagnostics, sources).c_str(), stderr);
  TRIMARAN_ASSERT(parsed.diagnostics.empty());
  return parsed.config;
}

inline Config good_config(std::string_view text, std::initializer_list<std::string_view> files = {}) {
  TestFiles folder;
  folder.add("trimaran.toml", text);
  for (std::string_view file : files) folder.add(file);
  return good_config(*read_sources(folder.path("trimaran.toml"), false));
}

}  // namespace trimaran
