#include "host/load.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace trimaran::host {

namespace {

std::string last_dl_error() {
  const char* text = ::dlerror();
  return text ? text : "unknown error";
}

Status call_entry(void (*entry)(App&), Application& application) {
  App app(application);
  try {
    entry(app);
  } catch (const std::exception& error) {
    return make_error(fmt::format("trimaran_app failed: {}", error.what()));
  } catch (...) {
    return make_error("trimaran_app threw something that is no std::exception");
  }
  if (!application.mistake.empty()) return make_error(application.mistake);
  return {};
}

}  // namespace

Status load_application(const std::string& path, Application& application) {
  // A name without a slash would be searched in the system's folders (dlopen(3)).
  std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  // Lazily at first: an application for another version of the API is refused by its number, not by the first symbol
  // that it misses.
  void* library = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!library) return make_error(fmt::format("cannot load the application: {}", last_dl_error()));
  auto version = reinterpret_cast<uint32_t (*)()>(::dlsym(library, "trimaran_abi_version"));
  auto entry = reinterpret_cast<void (*)(App&)>(::dlsym(library, "trimaran_app"));
  if (!version || !entry) {
    return make_error(
        fmt::format("{} is not a Trimaran application: it does not define trimaran_app (see trimaran/app.h)", path));
  }
  if (version() != kAbiVersion) {
    return make_error(
        fmt::format("{} was compiled for version {} of the Trimaran API, this is version {}: compile it again", path,
                    version(), kAbiVersion));
  }
  if (!::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    return make_error(fmt::format("cannot load the application: {}", last_dl_error()));
  }
  auto called = call_entry(entry, application);
  if (!called) return std::unexpected(std::move(called.error()).with_context(path));
  return {};
}

}  // namespace trimaran::host
