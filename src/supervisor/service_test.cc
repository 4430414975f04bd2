// A service whose process somebody else forks (preload.h): what happens when that one never does.
#include "supervisor/service.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "role/role.h"
#include "supervisor/log_pump.h"

namespace trimaran {
namespace {

// Promises a process, and is gone before it has read of it: the other end of the link closes.
struct NeverForks final : ServiceOwner {
  Result<SpawnOptions> prepare(Service&) override { return SpawnOptions{}; }
  Result<Process> launch(Service&, const SpawnOptions&) override {
    ++launches;
    return Process();
  }
  int launches = 0;
};

TEST(Service, AStartThatNobodyForksIsAskedForAFewTimesAndThenAFailure) {
  constexpr Millis kDeadlineMs = 60'000;
  EventLoop loop;
  Fd file(::memfd_create("log", MFD_CLOEXEC));
  LogSink log(file.get());
  NeverForks owner;
  Service service(loop, log, owner, {.name = "app foobar.com/1", .kind = "worker"});
  service.start();
  EXPECT_EQ(service.state(), ServiceState::starting);
  for (Millis end = monotonic_ms() + kDeadlineMs; service.state() != ServiceState::back_off;) {
    ASSERT_LT(monotonic_ms(), end);
    loop.run_once(20);
  }
  EXPECT_EQ(owner.launches, Service::kLaunchesMax);
  EXPECT_EQ(service.machine().reason(), "could not be forked");
  EXPECT_TRUE(service.machine().failed_to_start());
}

// A child that says something whenever it was heard, from the other end of the link.
struct NeverSilent final : ServiceOwner {
  static constexpr int kMessages = 100'000;
  Result<SpawnOptions> prepare(Service&) override { return SpawnOptions{}; }
  Result<Process> launch(Service&, const SpawnOptions& options) override {
    for (const auto& [number, ours] : options.descriptors) {
      if (number == kRoleLinkFd) child = MessageSocket(Fd(::dup(ours)));
    }
    return Process();
  }
  void on_message(Service&, Message) override {
    if (++heard == kMessages) return;
    EXPECT_TRUE(child.send({"recycle", {}, {}}));
  }
  MessageSocket child;
  int heard = 0;
};

// An application that wrote into its link without end kept the supervisor from everything else.
TEST(Service, AChildThatNeverStopsTalkingSharesTheLoopWithTheOthers) {
  EventLoop loop;
  Fd file(::memfd_create("log", MFD_CLOEXEC));
  LogSink log(file.get());
  NeverSilent owner;
  Service service(loop, log, owner, {.name = "app foobar.com/1", .kind = "worker"});
  service.start();
  ASSERT_TRUE(owner.child.send({"recycle", {}, {}}));
  loop.run_once(1'000);
  EXPECT_GT(owner.heard, 0);
  EXPECT_LT(owner.heard, NeverSilent::kMessages);
  int before = owner.heard;
  loop.run_once(1'000);
  EXPECT_GT(owner.heard, before) << "what is left is heard in the next round";
}

}  // namespace
}  // namespace trimaran
