// What tests of several rooms need: a process that has no descriptor left. By the limit and not by opening thousands of
// files, which would depend on the machine's own limit.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace trimaran {

// While it lives, this process can have `to_spare` descriptors more and none after that.
class Shortage {
 public:
  explicit Shortage(int to_spare = 0) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    int first_free = ::dup(STDERR_FILENO);
    ::close(first_free);
    rlimit now{static_cast<rlim_t>(first_free + to_spare), before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~Shortage() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  Shortage(const Shortage&) = delete;
  Shortage& operator=(const Shortage&) = delete;

 private:
  rlimit before_{};
};

// UBSan looks at the type of an object through a pipe that it opens for it (IsAccessibleMemoryRange in compiler-rt).
// Without a descriptor it takes a good object for a broken one, so what calls virtual functions cannot be tested there.
#ifdef __has_feature
#if __has_feature(undefined_behavior_sanitizer)
#define TRIMARAN_UBSAN_NEEDS_DESCRIPTORS 1
#endif
#endif
#ifdef TRIMARAN_UBSAN_NEEDS_DESCRIPTORS
constexpr bool kCanLackDescriptors = false;
#else
constexpr bool kCanLackDescriptors = true;
#endif

}  // namespace trimaran
