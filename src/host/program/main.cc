// trimaran-host: the process that runs a native C++ application. Started by the supervisor, never by hand.
#include <csignal>
#include <cstdlib>

#include "base/log.h"
#include "base/strings.h"
#include "host/health.h"
#include "host/load.h"
#include "host/serve.h"
#include "host/traceback.h"
#include "role/role.h"

namespace {

constexpr int kThreadsDefault = 4;
constexpr int kThreadsMax = 1024;  // each has a stack and a database connection

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

int thread_count() {
  auto count = trimaran::parse_u64(environment("TRIMARAN_THREADS"));
  return count && *count >= 1 && *count <= kThreadsMax ? static_cast<int>(*count) : kThreadsDefault;
}

}  // namespace

int main() {
  using namespace trimaran;
  std::signal(SIGPIPE, SIG_IGN);  // a broken connection is an error code, here and in the application
  host::install_traceback();
  int threads = thread_count();
  auto worker = worker::Worker::make(inherited_link(), threads);
  host::Application application(environment("DATABASE_URL"));
  Status good = host::load_application(environment("TRIMARAN_APP"), application);
  std::string health = environment("TRIMARAN_HEALTH");
  if (good && !health.empty()) good = host::check_health(application, health, environment("TRIMARAN_SITE"));
  if (!good) {
    log_error(good.error().message);
    (void)worker->send_failed(good.error().message);
    return 1;
  }
  if (auto ready = worker->send_ready(); !ready) {
    log_error(ready.error().message);
    return 1;
  }
  host::serve(*worker, application, threads);
  return 0;
}
