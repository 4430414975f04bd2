// The state of a supervisor as bytes: what goes in comes out, and what is not whole is refused, never half read.
#include "supervisor/state.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace trimaran {
namespace {

State sample() {
  State state;
  state.add("lock").set("path", "/run/lock").set_fd("fd", 7);
  state.add("worker").set("site", "foobar.com").set("pid", 4711).set("line", std::string("half\0a\nline:\xff", 13));
  state.add("worker").set("since", -5).set_fd("log", 9).set_fd("none", -1);
  return state;
}

std::string reason(std::string_view bytes) {
  auto decoded = State::decode(bytes);
  return decoded ? "" : decoded.error().message;
}

TEST(State, WhatGoesInComesOut) {
  auto state = State::decode(sample().encode());
  ASSERT_TRUE(state) << state.error().message;
  auto lock = state->one("lock");
  ASSERT_TRUE(lock);
  EXPECT_EQ((*lock)->text("path"), "/run/lock");
  EXPECT_EQ((*lock)->take_fd("fd").release(), 7);
  auto workers = state->all("worker");
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[0]->number("pid"), 4711);
  EXPECT_EQ(workers[0]->text("line"), std::string("half\0a\nline:\xff", 13));
  EXPECT_EQ(workers[1]->number("since"), -5);
  EXPECT_EQ(workers[1]->take_fd("log").release(), 9);
}

TEST(State, WhatIsMissingHasItsDefault) {
  State state = sample();
  const StateRecord& worker = *state.all("worker")[0];
  EXPECT_EQ(worker.text("release"), "");
  EXPECT_EQ(worker.number("generation", 3), 3);
  EXPECT_EQ(worker.number("site", 3), 3) << "no number";
  EXPECT_FALSE(worker.take_fd("log"));
  EXPECT_FALSE(state.all("worker")[1]->take_fd("none"));
  EXPECT_FALSE(state.one("database"));
  EXPECT_FALSE(state.one("worker")) << "there are two";
}

TEST(State, AnotherVersionIsRefusedByName) {
  std::string bytes = sample().encode();
  bytes.replace(bytes.find(" 1\n"), 3, " 2\n");
  EXPECT_EQ(reason(bytes), "the running program's state has version 2, this program reads version 1");
  EXPECT_NE(reason(""), "");
  EXPECT_NE(reason("hello\n"), "");
}

TEST(State, EveryCutIsRefused) {
  std::string bytes = sample().encode();
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_NE(reason(std::string_view(bytes).substr(0, length)), "") << length << " of " << bytes.size() << " bytes";
  }
  EXPECT_NE(reason(bytes + "1:x"), "") << "something behind it";
}

TEST(State, NumbersBeyondTheirLimitAreRefused) {
  EXPECT_EQ(reason("trimaran state 1\n1:0"), "");
  EXPECT_NE(reason("trimaran state 1\n6:100001"), "");
  EXPECT_NE(reason("trimaran state 1\n1:1"
                   "4:lock"
                   "4:1001"),
            "");
  EXPECT_NE(reason("trimaran state 1\n1:1"
                   "4:lock"
                   "1:0"
                   "1:1"
                   "2:fd"
                   "10:2147483648"),
            "");
  EXPECT_NE(reason("trimaran state 1\n99999999999:1"), "");
  EXPECT_NE(reason("trimaran state 1\n18446744073709551615:1"), "");
  EXPECT_NE(reason("trimaran state 1\n-1:1"), "");
}

TEST(State, DescriptorsLiveThroughAnExecutionWhenTheyShall) {
  Fd open(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  State state;
  state.add("log").set_fd("fd", open.get());
  ASSERT_TRUE(state.set_inheritable(true));
  EXPECT_EQ(::fcntl(open.get(), F_GETFD), 0);
  ASSERT_TRUE(state.set_inheritable(false));
  EXPECT_EQ(::fcntl(open.get(), F_GETFD), FD_CLOEXEC);
  open.reset();
  EXPECT_FALSE(state.set_inheritable(false)) << "a descriptor that is not open";
}

}  // namespace
}  // namespace trimaran
