#include "supervisor/process_groups.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "os/process.h"
#include "supervisor/testing.h"

namespace trimaran {
namespace {

constexpr int kDeadlineMs = 60'000;

// A leader and a child of it. When the leader is killed, the child lives on as a member of the group. The child is a
// copy of the shell, which waits for a pipe that nobody opens: a program that is being executed (execve(2)) has no
// environment for a moment, and was once taken for one that wrote over it.
class ProcessGroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(adopt_orphans());  // so that this test can reap them
    folder_ = make_test_folder();
    file_ = folder_ + "/groups";
  }
  void TearDown() override {
    if (leader_.pid > 0) ::kill(-leader_.pid, SIGKILL);
    std::filesystem::remove_all(folder_);
  }

  void start(std::vector<std::string> environment) {
    int line[2];
    ASSERT_EQ(::pipe(line), 0);
    Fd read_end(line[0]), write_end(line[1]);
    std::string pipe = folder_ + "/pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    auto leader = spawn({.argv = {"/bin/sh", "-c", "(read line <" + pipe + ") >/dev/null & echo $!; wait"},
                         .environment = std::move(environment),
                         .descriptors = {{1, line[1]}}});
    ASSERT_TRUE(leader);
    leader_ = std::move(*leader);
    char text[32] = {};
    ASSERT_GT(::read(line[0], text, sizeof text - 1), 0);
    member_ = static_cast<pid_t>(std::atoi(text));
    ASSERT_GT(member_, 0);
  }
  // As the kernel does it when the supervisor is killed.
  void kill_leader() {
    ::kill(leader_.pid, SIGKILL);
    pollfd ended{leader_.pidfd.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&ended, 1, kDeadlineMs), 1);
    ASSERT_TRUE(try_reap(leader_.pid));
  }
  bool member_lives() const { return !try_reap(member_) && ::kill(member_, 0) == 0; }
  // The record with its only group line replaced.
  void rewrite(pid_t leader, pid_t session, uint64_t born) {
    std::string text = read_file(file_).value_or("");
    text.resize(text.find('\n') + 1);
    ASSERT_TRUE(write_file(
        file_, text + std::to_string(leader) + " " + std::to_string(session) + " " + std::to_string(born) + "\n"));
  }

  std::string folder_, file_;
  Process leader_;
  pid_t member_ = 0;
};

TEST_F(ProcessGroupsTest, WhatOutlivesItsLeaderIsEnded) {
  start({"TRIMARAN_SITE=foobar.com"});
  ProcessGroups groups(file_);
  ASSERT_TRUE(groups.add(leader_.pid));
  kill_leader();
  ASSERT_TRUE(member_lives());
  Survivors survivors = end_survivors(file_);
  EXPECT_EQ(survivors.ended, 1);
  EXPECT_EQ(survivors.left, 0);
  EXPECT_FALSE(member_lives());
  EXPECT_EQ(end_survivors(file_).ended, 0);
}

TEST_F(ProcessGroupsTest, ALeaderThatStillRunsIsEndedToo) {
  start({"TRIMARAN_SITE=foobar.com"});
  ProcessGroups groups(file_);
  ASSERT_TRUE(groups.add(leader_.pid));
  EXPECT_EQ(end_survivors(file_).ended, 2);
  EXPECT_FALSE(member_lives());
}

TEST_F(ProcessGroupsTest, AGroupThatEndedInTimeIsNotRemembered) {
  start({"TRIMARAN_SITE=foobar.com"});
  ProcessGroups groups(file_);
  ASSERT_TRUE(groups.add(leader_.pid));
  ASSERT_TRUE(groups.remove(leader_.pid));
  EXPECT_EQ(end_survivors(file_).ended, 0);
  ASSERT_TRUE(groups.add(leader_.pid));
  groups.clear();
  EXPECT_EQ(end_survivors(file_).ended, 0);
  EXPECT_TRUE(member_lives());
}

TEST_F(ProcessGroupsTest, AProgramWithoutASiteInItsEnvironmentIsSomebodyElses) {
  start({"SHELL=/bin/sh"});
  ProcessGroups groups(file_);
  ASSERT_TRUE(groups.add(leader_.pid));
  kill_leader();
  EXPECT_EQ(end_survivors(file_).ended, 0);
  EXPECT_TRUE(member_lives());
}

TEST_F(ProcessGroupsTest, AProgramThatWroteOverItsEnvironmentIsKnownByItsGroup) {
  start({});
  ProcessGroups groups(file_);
  ASSERT_TRUE(groups.add(leader_.pid));
  kill_leader();
  ASSERT_EQ(read_file("/proc/" + std::to_string(member_) + "/environ").value_or("?"), "");
  EXPECT_EQ(end_survivors(file_).ended, 1);
}

TEST_F(ProcessGroupsTest, ANumberThatIsSomebodyElsesByNowIsNotTouched) {
  start({"TRIMARAN_SITE=foobar.com"});
  ProcessGroups groups(file_);
  ASSERT_TRUE(groups.add(leader_.pid));
  rewrite(leader_.pid, ::getsid(0), 1);
  EXPECT_EQ(end_survivors(file_).ended, 0) << "the leader was born at another time";
  kill_leader();
  rewrite(leader_.pid, ::getsid(0) + 1, 1);
  EXPECT_EQ(end_survivors(file_).ended, 0) << "another session";
  rewrite(leader_.pid, ::getsid(0), UINT64_MAX);
  EXPECT_EQ(end_survivors(file_).ended, 0) << "born before the leader";
  EXPECT_TRUE(member_lives());
  rewrite(leader_.pid, ::getsid(0), 1);
  EXPECT_EQ(end_survivors(file_).ended, 1);
}

TEST_F(ProcessGroupsTest, ARecordOfAnotherBootSaysNothing) {
  start({"TRIMARAN_SITE=foobar.com"});
  ProcessGroups groups(file_);
  ASSERT_TRUE(groups.add(leader_.pid));
  std::string text = read_file(file_).value_or("");
  text[0] = text[0] == 'f' ? '0' : 'f';
  ASSERT_TRUE(write_file(file_, text));
  EXPECT_EQ(end_survivors(file_).ended, 0);
  EXPECT_TRUE(member_lives());
}

TEST_F(ProcessGroupsTest, AFileThatIsNoRecordOrNoneAtAllSaysNothing) {
  EXPECT_EQ(end_survivors(file_).ended, 0);
  for (const char* text : {"", "\n", "1 1 1\n", "-1 0 0\n"}) {
    ASSERT_TRUE(write_file(file_, text));
    EXPECT_EQ(end_survivors(file_).ended, 0) << text;
  }
}

TEST_F(ProcessGroupsTest, OurOwnGroupIsNeverEnded) {
  ProcessGroups groups(file_);
  start({"TRIMARAN_SITE=foobar.com"});
  ASSERT_TRUE(groups.add(leader_.pid));
  rewrite(::getpgrp(), ::getsid(0), 0);
  EXPECT_EQ(end_survivors(file_).ended, 0);
}

}  // namespace
}  // namespace trimaran
