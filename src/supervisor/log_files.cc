#include "supervisor/log_files.h"

#include "supervisor/open_log.h"

namespace trimaran {
Result<LogSink*> LogFiles::open(const std::string& path) {
  auto& file = files_[path];
  if (!file) {
    auto fd = open_log(path);
    if (!fd) {
      files_.erase(path);
      return std::unexpected(fd.error());
    }
    int number = fd->get();
    file = std::make_unique<File>(File{std::move(*fd), LogSink(number)});
  }
  return &file->sink;
}

std::vector<Error> LogFiles::reopen() {
  std::vector<Error> errors;
  for (auto& [path, file] : files_) {
    auto fd = open_log(path);
    if (!fd) {
      errors.push_back(fd.error());
      continue;
    }
    file->sink.use(fd->get());
    file->fd = std::move(*fd);
  }
  return errors;
}

Status open_output(const Runtime& runtime, const SiteConfig& site) {
  if (!runtime.outputs || !site.app || site.app->log.empty()) return {};
  auto sink = runtime.outputs->open(site.app->log);
  if (!sink) return std::unexpected(std::move(sink.error()).with_context("[app] log of " + site.domain));
  return {};
}

LogSink* output_of(const Runtime& runtime, const SiteConfig& site) {
  if (!runtime.outputs || !site.app || site.app->log.empty()) return nullptr;
  return runtime.outputs->open(site.app->log).value_or(nullptr);
}

}  // namespace trimaran
