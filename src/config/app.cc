// [app]: how the site's code is run.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "config/tables.h"

namespace trimaran {
namespace {

constexpr int kMaxWorkers = 256;
constexpr int kMaxThreads = 256;       // per worker
constexpr int kMaxConcurrency = 1000;  // fewer than the slots of a channel (worker/frame.h, kSlots)
constexpr int64_t kMaxQueue = 1'000'000;
constexpr Millis kMaxWait = 3600ll * 1000;
constexpr Millis kMaxLifetime = 365ll * 86'400 * 1000;
constexpr Millis kMinLifetime = 1'000;        // shorter, and starting is all that workers do
constexpr uint64_t kMinMemory = 16ull << 20;  // less than an empty interpreter has
constexpr uint64_t kMaxMemory = 1ull << 40;
constexpr size_t kMaxEnvFiles = 16;
constexpr int kDefaultPhpThreads = 5;
constexpr int kDefaultConcurrency = 256;  // what one event loop answers at a time

bool is_python(AppKind kind) { return kind == AppKind::wsgi || kind == AppKind::asgi; }

void read_interpreter(TableReader& reader, const FileScope& scope, AppConfig& out) {
  std::string interpreter;
  if (!reader.read_text("interpreter", interpreter)) return;
  if (!is_python(out.kind)) {
    reader.report("interpreter", "interpreter: only a \"wsgi:\" or \"asgi:\" application has one");
  } else if (interpreter.find('/') == std::string::npos) {
    reader.report("interpreter", fmt::format("interpreter: \"{}\" is no path", interpreter),
                  "write a path such as \"/usr/bin/python3\" or \".venv/bin/python\"");
  } else {
    // Whether it exists is seen when the application starts: a site whose application is broken serves its files.
    out.interpreter = scope.absolute(interpreter);
  }
}

// Beside the site file even when the application is a release: secrets are not deployed with the code.
void read_env_files(TableReader& reader, const FileScope& scope, AppConfig& out) {
  std::vector<PlacedText> files;
  if (!reader.read_texts("env_file", files)) return;
  if (files.size() > kMaxEnvFiles) {
    reader.report("env_file", fmt::format("env_file: more than {} files", kMaxEnvFiles));
    return;
  }
  for (const PlacedText& file : files) {
    std::string path = scope.beside_file(file.text);
    std::string_view problem = scope.problem_with_file(path);
    if (!problem.empty()) scope.report(file.place, fmt::format("env_file: {} {}", path, problem));
    out.env_files.push_back(std::move(path));
  }
}

void read_counts(TableReader& reader, AppConfig& out) {
  if (out.kind == AppKind::php) out.workers = 1;  // php-fpm has processes of its own: [app] threads
  reader.read_number_as("workers", out.workers, 1, kMaxWorkers);
  out.workers_max = out.workers;
  if (reader.read_number_as("workers_max", out.workers_max, 1, kMaxWorkers) && out.workers_max < out.workers) {
    reader.report("workers_max", fmt::format("workers_max: less than workers, which is {}", out.workers));
  }
  if (out.kind == AppKind::php) out.threads = kDefaultPhpThreads;
  bool has_threads = out.kind != AppKind::asgi && out.kind != AppKind::http;
  if (reader.read_number_as("threads", out.threads, 1, kMaxThreads) && !has_threads) {
    reader.report(
        "threads",
        fmt::format("threads: a \"{}:\" application has its own way to do many things at once", to_string(out.kind)),
        "set concurrency, the requests that one worker gets at a time");
  }
  out.concurrency = has_threads ? out.threads : kDefaultConcurrency;
  if (reader.read_number_as("concurrency", out.concurrency, 1, kMaxConcurrency) && has_threads) {
    reader.report("concurrency",
                  fmt::format("concurrency: a worker of a \"{}:\" application runs one request in each of its threads",
                              to_string(out.kind)),
                  "set threads");
  }
}

// When a worker is replaced without having failed.
void read_replacement(TableReader& reader, AppConfig& out) {
  bool speaks = is_python(out.kind) || out.kind == AppKind::native;
  for (std::string_view key : {"max_requests", "max_lifetime"}) {
    if (reader.has(key) && !speaks) {
      reader.report(key, fmt::format("{}: only \"wsgi:\", \"asgi:\" and \"native:\" workers count", key));
    }
  }
  reader.read_number("max_requests", out.max_requests, 1, INT32_MAX);
  reader.read_duration("max_lifetime", out.max_lifetime_ms, kMinLifetime, kMaxLifetime);
  reader.read_size("memory_soft", out.memory_soft_bytes, kMinMemory, kMaxMemory);
  reader.read_size("memory_hard", out.memory_hard_bytes, kMinMemory, kMaxMemory);
  if (out.memory_hard_bytes > 0 && out.memory_soft_bytes > out.memory_hard_bytes) {
    reader.report("memory_soft", "memory_soft: more than memory_hard");
  }
}

void read_mode(TableReader& reader, const FileScope& scope, AppConfig& out) {
  if (reader.read_flag("preload", out.preload) && out.preload && !is_python(out.kind)) {
    reader.report("preload", "preload: only a \"wsgi:\" or \"asgi:\" application can be preloaded");
  }
  reader.read_flag("dev", out.dev);
  if (reader.read_flag("listen_fd", out.listen_fd) && out.listen_fd && out.kind != AppKind::http) {
    reader.report("listen_fd", "listen_fd: only an \"http:\" application listens");
  }
  if (reader.read_text("user", out.user)) check_user(reader, scope, out.user, "set user in [app]");
  reader.read_path("log", out.log);
}

}  // namespace

void read_app(const TomlValue* table, const FileScope& scope, SiteConfig& out) {
  if (table == nullptr) return;
  TableReader reader(table, "[app]", scope);
  AppConfig app;
  app.directory = scope.folder();
  reader.read_folder("directory", app.directory);
  std::string run;
  if (!reader.has("run")) {
    reader.report("run", "[app] has no run", "add a line such as run = \"wsgi:wsgi:application\"");
  } else if (reader.read_text("run", run)) {
    read_run(reader, run, scope, app);
  }
  read_interpreter(reader, scope, app);
  read_counts(reader, app);
  read_mode(reader, scope, app);
  read_replacement(reader, app);
  if (reader.read_text("health", app.health) && !app.health.starts_with('/')) {
    reader.report("health", "health: expected a path that starts with \"/\"");
  }
  read_env_files(reader, scope, app);
  reader.read_number_as("queue_max", app.queue_max, 1, kMaxQueue);
  reader.read_duration("queue_wait", app.queue_wait_ms, 1, kMaxWait);
  reader.read_duration("timeout", app.timeout_ms, 1, kMaxWait);
  reader.read_duration("start_timeout", app.start_timeout_ms, 100, kMaxWait);
  reader.report_unknown_keys();
  out.app = std::move(app);
}

}  // namespace trimaran
