// An application that shows every part of the API to host_test.cc.
#include <trimaran/app.h>

#include <stdexcept>

using namespace trimaran;

void trimaran_app(App& app) {
  app.body_limit(1000);
  app.get("/hello/{name}", [](Request&, const std::string& name) { return Response::text("Hello, " + name + "!"); });
  app.get("/sum/{a:int}/{b:int}", [](Request&, int64_t a, int64_t b) { return Response::text(std::to_string(a + b)); });
  app.get("/throw", [](Request&) -> Response { throw std::runtime_error("no soup today"); });
  app.post("/form", [](Request& request) { return Response::text(request.form("title").value_or("none")); });
  app.post("/count", [](Request& request) {
    size_t total = 0;
    char buffer[4096];
    while (size_t size = request.read(buffer)) total += size;
    return Response::text(std::to_string(total));
  });
  app.get("/stream/{chunks:int}", [](Request&, int64_t chunks) {
    return Response::stream([chunks](Writer& out) {
      std::string chunk(1024, 'x');
      for (int64_t i = 0; i < chunks && out.write(chunk); ++i) {
      }
    });
  });
  app.get("/broken-stream", [](Request&) {
    return Response::stream([](Writer& out) {
      out.write("half");
      throw std::runtime_error("the source dried up");
    });
  });
  app.database().execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)");
  app.post("/notes/{text}", [](Request& request, std::string text) {
    auto added = request.db().execute("INSERT INTO notes (text) VALUES (?)", text);
    return Response::text(std::to_string(added.last_insert_id));
  });
  app.get("/notes/{id:int}", [](Request& request, int64_t id) {
    auto row = request.db().query_row("SELECT text FROM notes WHERE id = ?", id);
    return row ? Response::text(row->get<std::string>("text")) : Response::not_found();
  });
}
