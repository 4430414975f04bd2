// What a loaded application consists of: the host's side of trimaran::App. Filled by trimaran_app on one thread, then
// only read.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "host/router.h"
#include "trimaran/app.h"

namespace trimaran::host {

constexpr size_t kBodyBytesMax = 1 << 20;  // of a body read whole, unless App::body_limit says otherwise

class Application {
 public:
  explicit Application(std::string url) : database_url(std::move(url)) {}

  std::string database_url;
  Router router;
  std::function<Response(Request&, int)> error_page;
  size_t body_limit = kBodyBytesMax;
  std::unique_ptr<Database> database;  // of the thread that runs trimaran_app; made when it is asked for
  std::string mistake;                 // the first wrong registration; the application must not serve
};

}  // namespace trimaran::host
