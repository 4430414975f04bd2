#include "host/traceback.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <latch>
#include <string>
#include <thread>

#include "base/time.h"
#include "os/fd.h"
#include "role/role.h"

namespace trimaran::host {
namespace {

constexpr Millis kDeadlineMs = 30'000;

size_t count(std::string_view text, std::string_view word) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; at += word.size()) ++found;
  return found;
}

// What the process writes to its stderr from now on.
class Stderr {
 public:
  Stderr() : log_(::memfd_create("stderr", MFD_CLOEXEC)), saved_(::dup(STDERR_FILENO)) {
    ::dup2(log_.get(), STDERR_FILENO);
  }
  ~Stderr() { ::dup2(saved_.get(), STDERR_FILENO); }
  std::string text() const {
    std::string text(1 << 20, '\0');
    ssize_t n = ::pread(log_.get(), text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }

 private:
  Fd log_, saved_;
};

TEST(Traceback, EveryThreadSaysWhereItIsAndGoesOn) {
  install_traceback();
  std::latch done(1), up(3);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      up.count_down();
      done.wait();
    });
  }
  up.wait();
  std::string said;
  {
    Stderr log;
    ::kill(::getpid(), traceback_signal());
    Millis end = monotonic_ms() + kDeadlineMs;
    // Each stack ends where its thread began.
    do said = log.text();
    while ((count(said, "\nthread ") < 4 || !said.ends_with('\n')) && monotonic_ms() < end);
  }
  done.count_down();
  EXPECT_EQ(count(said, "where every thread is:\n"), 1u) << said;
  EXPECT_GE(count(said, "\nthread "), 4u) << said;
  EXPECT_GE(count(said, "libc.so"), 4u) << said;
}

}  // namespace
}  // namespace trimaran::host
