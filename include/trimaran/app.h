// The public C++ API of Trimaran. An application is a shared library that defines one function:
//
//   #include <trimaran/app.h>
//
//   void trimaran_app(trimaran::App& app) {
//     app.get("/hello/{name}", [](trimaran::Request& request, const std::string& name) {
//       return trimaran::Response::text("Hello, " + name + "!\n");
//     });
//   }
//
//   g++ -std=c++20 -shared -fPIC -I TRIMARAN/include -o libhello.so hello.cc
//
// where TRIMARAN is the folder of Trimaran's sources, and in trimaran.toml: `run = "native:libhello.so"`. Needs C++20
// and the standard library only (libstdc++, from g++ 12 or clang). Handlers run in several threads at once, so what
// they share must be const or locked. A handler may simply block; a handler that throws gives the visitor a 500 page
// and the log its what().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "trimaran/database.h"
#include "trimaran/request.h"
#include "trimaran/response.h"
#include "trimaran/route.h"

namespace trimaran {

constexpr uint32_t kAbiVersion = 1;  // changes when an application must be compiled again

namespace host {
class Application;
}

// The routes of an application. In a pattern, {name} stands for one segment (std::string, percent-decoded), {name:int}
// for a whole number (int64_t), {name:path} for all the rest (std::string); the handler takes them after the Request,
// in this order, and the compiler checks that they fit. Of several patterns that match, the one that is more specific
// from the left wins: text before {x:int} before {x} before {x:path}. The order of the calls never matters; the same
// pattern for the same method twice is an error at start. HEAD is answered by GET, and an address that exists for other
// methods only by 405 with Allow.
class App {
 public:
  explicit App(host::Application& application) : application_(application) {}  // made by the host only
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  template <class Handler>
  App& get(detail::PatternFor<Handler> pattern, Handler&& handler) {
    return add("GET", pattern.text(), detail::erase(std::forward<Handler>(handler)));
  }
  template <class Handler>
  App& post(detail::PatternFor<Handler> pattern, Handler&& handler) {
    return add("POST", pattern.text(), detail::erase(std::forward<Handler>(handler)));
  }
  template <class Handler>
  App& put(detail::PatternFor<Handler> pattern, Handler&& handler) {
    return add("PUT", pattern.text(), detail::erase(std::forward<Handler>(handler)));
  }
  template <class Handler>
  App& patch(detail::PatternFor<Handler> pattern, Handler&& handler) {
    return add("PATCH", pattern.text(), detail::erase(std::forward<Handler>(handler)));
  }
  template <class Handler>
  App& del(detail::PatternFor<Handler> pattern, Handler&& handler) {
    return add("DELETE", pattern.text(), detail::erase(std::forward<Handler>(handler)));
  }
  // Every method that has no handler of its own at this pattern.
  template <class Handler>
  App& any(detail::PatternFor<Handler> pattern, Handler&& handler) {
    return add("", pattern.text(), detail::erase(std::forward<Handler>(handler)));
  }

  // The pages for what is not a handler's answer: 404, 405, HttpError, and 500 for an exception. Its status is set, and
  // Allow added, by the host; when it throws itself, a plain page is sent.
  App& error_page(std::function<Response(Request& request, int status)> page);

  // How long a body Request::body and Request::form accept; 1 MiB unless set. read() has no limit.
  App& body_limit(size_t bytes);

  // For trimaran_app itself (creating tables); handlers use Request::db. For a thread of your own:
  // Database(database_url()).
  Database& database();
  std::string database_url() const;  // DATABASE_URL; "" when the site has no database

 private:
  App& add(std::string_view method, std::string_view pattern, std::unique_ptr<detail::AnyHandler> handler);

  host::Application& application_;
};

}  // namespace trimaran

// The application defines it; called once, before the first request. What it throws keeps this release from serving.
extern "C" __attribute__((visibility("default"))) void trimaran_app(trimaran::App& app);

// Compiled into the application, read by the host before trimaran_app is called.
extern "C" __attribute__((visibility("default"), used)) inline uint32_t trimaran_abi_version() {
  return trimaran::kAbiVersion;
}
