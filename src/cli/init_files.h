// The text of the site that `trimaran init` writes.
#pragma once

#include <span>
#include <string_view>

namespace trimaran {

struct InitFile {
  std::string_view path;  // below the site's folder
  std::string_view text;
  bool may_exist = false;  // one that is there already is the user's own, and stays
};

std::span<const InitFile> init_files();

}  // namespace trimaran
