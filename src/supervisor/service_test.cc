// A service whose process somebody else forks (preload.h): what happens when that one never does; and one whose process
// has children of its own.
#include "supervisor/service.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "role/role.h"
#include "supervisor/log_pump.h"
#include "supervisor/process_groups.h"

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

// A program with a child that does not hear the word to end.
struct HasChildren final : ServiceOwner {
  Result<SpawnOptions> prepare(Service&) override {
    return SpawnOptions{.argv = {"/bin/sh", "-c", "(trap '' TERM; echo child; while :; do sleep 1; done) & sleep 1000"},
                        .environment = {"PATH=/usr/bin:/bin"}};
  }
};

// `trimaran stop` returned while they still held their ports: they were killed, and nobody waited for them.
TEST(Service, ItHasEndedWhenItsWholeGroupHas) {
  constexpr Millis kDeadlineMs = 30'000;
  ASSERT_TRUE(adopt_orphans());
  char path[] = "/tmp/trimaran-service-XXXXXX";
  std::string folder = ::mkdtemp(path);
  EventLoop loop;
  Fd file(::memfd_create("log", MFD_CLOEXEC));
  LogSink log(file.get());
  ProcessGroups groups(folder + "/groups");
  HasChildren owner;
  using Evidence = ServiceSpec::Evidence;
  Service service(loop, log, owner,
                  {.name = "app", .kind = "worker", .evidence = Evidence::running, .groups = &groups});
  bool said = false;
  service.listen([&](std::string_view line) { said = said || line == "child"; });
  auto wait_until = [&](auto condition) {
    for (Millis end = monotonic_ms() + kDeadlineMs; !condition() && monotonic_ms() < end;) loop.run_once(20);
    return condition();
  };
  for (bool stopped : {false, true}) {  // by itself and started again; then told to
    said = false;
    service.start();
    ASSERT_TRUE(wait_until([&] { return said; }));
    pid_t group = service.pid();
    if (stopped) {
      service.drain();
    } else {
      ASSERT_EQ(::kill(group, SIGKILL), 0);
    }
    ASSERT_TRUE(wait_until([&] { return service.pid() != group; }));
    EXPECT_EQ(::kill(-group, 0), -1) << "somebody of its group is still there";
    EXPECT_EQ(errno, ESRCH);
  }
  EXPECT_TRUE(service.gone());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace trimaran
