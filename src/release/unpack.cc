#include "release/unpack.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "os/process.h"

namespace trimaran::release {
namespace {

constexpr std::string_view kTarEndings[] = {".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz"};
constexpr int kLookMs = 500;              // how often a growing tree is measured
constexpr int kUnzipPassword = 82;        // "no files were found due to bad decryption password(s)": unzip(1)
constexpr size_t kComplaintBytes = 2048;  // of what the program said, its end

bool is_zip(const std::string& path) { return to_lower(path).ends_with(".zip"); }

Result<SpawnOptions> command(const std::string& name) {
  const std::string program = is_zip(name) ? "/usr/bin/unzip" : "/usr/bin/tar";
  if (::access(program.c_str(), X_OK) != 0) {
    return make_error("unpacking " + name + " needs " + program + ", which is not installed");
  }
  SpawnOptions options;
  if (is_zip(name)) {
    // With a password, and a wrong one: otherwise it asks for one at the terminal, where it is in the background and
    // is stopped until kUnpackMs.
    options.argv = {program, "-q", "-o", "-P", "", "/proc/self/fd/3"};
  } else {
    options.argv = {program, "--extract", "--file=/proc/self/fd/3", "--no-same-owner", "--no-same-permissions"};
  }
  options.environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  return options;
}

Result<TreeSize> measure(int folder, const TreeJob& job) {
  TreeSize size;
  std::function<Status(int, int)> count = [&](int fd, int depth) {
    return each_entry(fd, "", [&](const std::string& name, const struct stat& st) -> Status {
      ++size.files;
      size.bytes += S_ISREG(st.st_mode) ? static_cast<uint64_t>(st.st_size) : 0;
      if (Status may = check_job(job, size, depth); !may) return may;
      if (!S_ISDIR(st.st_mode)) return {};
      auto child = open_folder(fd, name);
      return child ? count(child->get(), depth + 1) : Status();
    });
  };
  if (Status counted = count(folder, 0); !counted) return std::unexpected(counted.error());
  return size;
}

std::string end_of(int output) {
  std::string text(kComplaintBytes, '\0');
  off_t size = ::lseek(output, 0, SEEK_END);
  ssize_t n = ::pread(output, text.data(), text.size(), std::max<off_t>(0, size - static_cast<off_t>(text.size())));
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return std::string(trim(text));
}

// Until the program has ended; nothing is left of it either way.
Status wait_for(const Process& process, const std::string& name, int target, const TreeJob& job, int output) {
  Status verdict;
  Millis end = monotonic_ms() + kUnpackMs;
  for (pollfd wait{process.pidfd.get(), POLLIN, 0}; verdict && ::poll(&wait, 1, kLookMs) != 1;) {
    if (auto size = measure(target, job); !size) verdict = std::unexpected(size.error());
    if (monotonic_ms() > end) verdict = make_error("not unpacked after " + std::to_string(kUnpackMs / 1000) + " s");
  }
  ::kill(-process.pid, SIGKILL);
  int status = 0;
  while (::waitpid(process.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!verdict) return verdict;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  bool encrypted = is_zip(name) && WIFEXITED(status) && WEXITSTATUS(status) == kUnzipPassword;
  return make_error(encrypted ? "it is encrypted, and there is nobody to ask for the password" : end_of(output));
}

}  // namespace

bool is_archive(const std::string& path) {
  std::string lower = to_lower(path);
  return is_zip(lower) || std::any_of(std::begin(kTarEndings), std::end(kTarEndings),
                                      [&](std::string_view ending) { return lower.ends_with(ending); });
}

Status unpack(int archive, const std::string& name, int target, const TreeJob& job) {
  auto options = command(name);
  if (!options) return std::unexpected(options.error());
  // A file, not a pipe: nobody has to read while it runs.
  Fd output(::memfd_create("trimaran-unpack", MFD_CLOEXEC));
  if (!output) return errno_error("cannot create a memfd");
  options->descriptors = {{1, output.get()}, {2, output.get()}, {3, archive}};
  // By descriptor: the way there is closed to the user that the program becomes.
  options->directory = "/proc/self/fd/" + std::to_string(target);
  if (job.owner) options->user = Credentials{job.owner->name, job.owner->uid, job.owner->gid, "/"};
  auto process = spawn(*options);
  if (!process) return std::unexpected(process.error());
  Status done = wait_for(*process, name, target, job, output.get());
  if (!done) return std::unexpected(std::move(done.error()).with_context("cannot unpack " + name));
  return {};
}

}  // namespace trimaran::release
