// An application that registers one address twice.
#include <trimaran/app.h>

void trimaran_app(trimaran::App& app) {
  app.get("/posts/{id}", [](trimaran::Request&, std::string) { return trimaran::Response::text("first"); });
  app.get("/posts/{title}", [](trimaran::Request&, std::string) { return trimaran::Response::text("second"); });
}
