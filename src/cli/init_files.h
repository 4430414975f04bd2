// The text of the site that `trimaran init` writes.
#pragma once

#include <span>
#include <string_view>

namespace trimaran {

// Stands for the site's domain in the texts.
constexpr std::string_view kInitDomain = "example.test";

struct InitFile {
  std::string_view path;  // below the site's folder
  std::string_view text;
  bool may_exist = false;  // one that is there already is the user's own, and stays
};

std::span<const InitFile> init_files();

}  // namespace trimaran
