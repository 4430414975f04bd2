#include "supervisor/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace trimaran {
namespace {

constexpr mode_t kMode = 0640;

// The folder may be the application's, who must not lead us elsewhere: no symbolic link, no second name of another
// file, no pipe that would block us (O_NONBLOCK is for its open).
Result<Fd> open_log(const std::string& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kMode));
  if (!fd) return errno_error("cannot open the log " + path);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return errno_error("cannot look at the log " + path);
  if (!S_ISREG(st.st_mode) || st.st_nlink > 1) return make_error("the log " + path + " is no plain file of its own");
  return fd;
}

}  // namespace

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
