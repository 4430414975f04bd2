#include "supervisor/background.h"

#include <sys/eventfd.h>

#include <system_error>

#include "base/assert.h"

namespace trimaran {

Status Background::run(Work work) {
  TRIMARAN_ASSERT(!busy());
  done_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!done_) return errno_error("cannot create an eventfd");
  watch_.watch(done_.get(), [this] { finish(); });
  try {
    thread_ = std::jthread([this, work = std::move(work)](std::stop_token stop) {
      follow_ = work(stop);
      ::eventfd_write(done_.get(), 1);
    });
  } catch (const std::system_error& error) {
    watch_.reset();
    return make_error(std::string("cannot start a thread: ") + error.what());
  }
  return {};
}

void Background::end() {
  watch_.reset();
  thread_ = std::jthread();  // asks the old one to stop, and waits for it
  done_.reset();
  follow_ = nullptr;
}

// What follows may start the next work, or end with our destruction.
void Background::finish() {
  watch_.reset();
  thread_.join();
  done_.reset();
  auto follow = std::exchange(follow_, nullptr);
  follow();
}

}  // namespace trimaran
