// Files of a folder as a handler: GET and HEAD try them first, and the next handler answers what is not there and all
// other methods. Everything about the file system is in the cache (file_cache.h) and the kernel's check (safe_open.h);
// this is the HTTP of it: index pages, redirects to folders, preconditions, ranges.
#pragma once

#include <string>
#include <string_view>

#include "front/exchange.h"
#include "front/file_cache.h"
#include "front/preconditions.h"

namespace trimaran::front {

class StaticFiles final : public Handler {
 public:
  // What a path prefix is cut off before the folder is searched ("" for a site's root); cache_seconds -1: no
  // Cache-Control. `next` (borrowed, may be nullptr) answers what is not a file.
  StaticFiles(FileCache& cache, std::string folder, std::string prefix, int64_t cache_seconds, Handler* next);
  ~StaticFiles() override { cache_.remove_root(root_.id); }
  StaticFiles(const StaticFiles&) = delete;
  StaticFiles& operator=(const StaticFiles&) = delete;

  // The folder holds PHP: no name that could be a script's source is served, and a folder with an index.php has a page.
  void withhold_php() { php_ = true; }

  void start(Exchange& exchange) override;
  // Answers 404 with the folder's own 404.html if it has one.
  void not_found(Exchange& exchange);

 private:
  void pass_on(Exchange& exchange);
  void refuse_method(Exchange& exchange);
  bool serve_path(Exchange& exchange, std::string_view path);
  bool has_page(std::string_view folder, Millis now);
  void serve(Exchange& exchange, const PinnedFile& file);
  void serve_conditionally(Exchange& exchange, const PinnedFile& file, const ConditionalFields& fields);

  FileCache& cache_;
  StaticRoot root_;
  std::string prefix_;  // without a final slash
  Handler* next_;
  bool php_ = false;
  std::string scratch_;     // decoded path
  std::string index_path_;  // "/folder/index.html"
};

// "/a.php", and what editors and people make of it: "/a.php~", "/a.PHP.bak", "/a.phtml", "/a.phar".
bool may_be_php_source(std::string_view path);

}  // namespace trimaran::front
