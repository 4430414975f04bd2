// trimaran::App: what trimaran_app registers goes into the Application of this process.
#include "trimaran/app.h"

#include "host/application.h"

namespace trimaran {

App& App::add(std::string_view method, std::string_view pattern, std::unique_ptr<detail::AnyHandler> handler) {
  auto added = application_.router.add(method, pattern, std::move(handler));
  if (!added && application_.mistake.empty()) application_.mistake = added.error().message;
  return *this;
}

App& App::error_page(std::function<Response(Request&, int)> page) {
  application_.error_page = std::move(page);
  return *this;
}

App& App::body_limit(size_t bytes) {
  application_.body_limit = bytes;
  return *this;
}

Database& App::database() {
  if (!application_.database) application_.database = std::make_unique<Database>(application_.database_url);
  return *application_.database;
}

std::string App::database_url() const { return application_.database_url; }

}  // namespace trimaran
