#include "supervisor/service_state.h"

#include <gtest/gtest.h>

#include "os/message_socket.h"

namespace trimaran {
namespace {

TEST(BackOff, AServiceThatHadServedComesBackAtOnce) {
  BackOff back_off;
  EXPECT_EQ(back_off.after(BackOff::kHealthyMs), 0);
  EXPECT_EQ(back_off.after(60'000), 0);
}

TEST(BackOff, OneThatServedForAMomentComesBackAtOnceOnce) {
  BackOff back_off;
  EXPECT_EQ(back_off.after(1), 0);
  EXPECT_EQ(back_off.after(1), BackOff::kDelayFirstMs);
  EXPECT_EQ(back_off.after(BackOff::kHealthyMs), 0);
  EXPECT_EQ(back_off.after(1), 0);
}

TEST(BackOff, OneThatDiesYoungWaitsTwiceAsLongEachTimeUpToTheLimit) {
  BackOff back_off;
  EXPECT_EQ(back_off.after(0), BackOff::kDelayFirstMs);
  EXPECT_EQ(back_off.after(0), 2 * BackOff::kDelayFirstMs);
  EXPECT_EQ(back_off.after(BackOff::kHealthyMs - 1), 4 * BackOff::kDelayFirstMs);
  for (int i = 0; i < 20; ++i) back_off.after(0);
  EXPECT_EQ(back_off.after(0), BackOff::kDelayMaxMs);
  EXPECT_EQ(back_off.after(BackOff::kHealthyMs), 0);
  EXPECT_EQ(back_off.after(0), BackOff::kDelayFirstMs);
}

TEST(ServiceMachine, GoesFromStartToServiceToItsEnd) {
  ServiceMachine machine;
  EXPECT_EQ(machine.state(), ServiceState::stopped);
  machine.start(10);
  EXPECT_EQ(machine.state(), ServiceState::starting);
  machine.ready(20);
  EXPECT_EQ(machine.state(), ServiceState::serving);
  machine.ready(25);  // the answer to a reload
  EXPECT_EQ(machine.since(), 20);
  machine.drain(30);
  EXPECT_EQ(machine.end(40, "exited with status 0"), std::nullopt);
  EXPECT_EQ(machine.state(), ServiceState::stopped);
  EXPECT_EQ(machine.restarts(), 0);
}

TEST(ServiceMachine, AKilledServiceIsStartedAgainAtOnceAndItsReasonIsForgottenWhenItServes) {
  ServiceMachine machine;
  machine.start(0);
  machine.ready(10);
  EXPECT_EQ(machine.end(10'000, "was killed by signal 9 (KILL)"), 0);
  EXPECT_EQ(machine.state(), ServiceState::back_off);
  EXPECT_FALSE(machine.failed_to_start());
  EXPECT_EQ(machine.reason(), "was killed by signal 9 (KILL)");
  machine.start(10'000);
  EXPECT_EQ(machine.restarts(), 1);
  machine.ready(10'050);
  EXPECT_EQ(machine.reason(), "");
}

TEST(ServiceMachine, ItsOwnWordsOutweighItsExitStatus) {
  ServiceMachine machine;
  machine.start(0);
  machine.failing("cannot import wsgi");
  EXPECT_EQ(machine.end(100, "exited with status 1"), BackOff::kDelayFirstMs);
  EXPECT_TRUE(machine.failed_to_start());
  EXPECT_EQ(machine.reason(), "cannot import wsgi");
  machine.start(200);
  machine.end(300, "exited with status 2");
  EXPECT_EQ(machine.reason(), "exited with status 2");
}

TEST(ServiceMachine, DrainingEndsAPause) {
  ServiceMachine machine;
  machine.start(0);
  machine.end(5, "exited with status 1");
  machine.drain(6);
  EXPECT_EQ(machine.state(), ServiceState::stopped);
}

TEST(ServiceMachine, AReasonIsCutAndHoldsNoNul) {
  ServiceMachine machine;
  machine.start(0);
  machine.failing(std::string("a\0b", 3) + std::string(100'000, 'x'));
  EXPECT_EQ(machine.reason().size(), kFieldTextBytesMax);
  EXPECT_EQ(machine.reason().substr(0, 4), "a bx");
}

}  // namespace
}  // namespace trimaran
