// Which PHP script answers a path? The habits of WordPress, Laravel and their kin: the script that the path names, with
// what follows it as PATH_INFO; or the index.php of the folder; or the site's own /index.php, the front controller.
//
// Only a path whose first file on the way is a script runs one: for /photo.jpg/x.php nothing below photo.jpg is looked
// for, so an upload can never be run by a made-up suffix (the cgi.fix_pathinfo hole). Hidden segments are never looked
// at, and a script that a symlink has outside of the folder (Laravel's public/storage leads to uploads) is none.
#pragma once

#include <string>
#include <string_view>

namespace trimaran::pool {

struct PhpScript {
  std::string name;       // "/blog/index.php": SCRIPT_NAME
  std::string path_info;  // "/2026/11", decoded; "" for none
  std::string file;       // absolute: SCRIPT_FILENAME
};

class PhpScripts {
 public:
  // `folder`: absolute, without a final slash.
  explicit PhpScripts(std::string folder);
  const std::string& folder() const { return folder_; }

  // `path`: of the request, still percent-encoded. Falls back to /index.php, whether it is there or not: php-fpm then
  // says "File not found." with 404.
  PhpScript find(std::string_view path) const;

 private:
  enum class Kind { missing, file, folder };
  Kind kind_of(const std::string& relative) const;
  bool is_inside(const std::string& relative) const;
  PhpScript script(std::string name, std::string path_info) const;

  std::string folder_;
  std::string real_folder_;  // without symlinks, with a final slash
};

}  // namespace trimaran::pool
