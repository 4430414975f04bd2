// Processes and cron jobs with real commands and a clock of the test's own.
#include "supervisor/jobs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include <filesystem>
#include <list>

#include "supervisor/shell_command.h"

namespace trimaran {
namespace {

constexpr Millis kDeadlineMs = 60'000;  // of every wait; a healthy one takes milliseconds

TEST(ShellCommand, APlainCommandTakesTheShellsPlace) {
  EXPECT_EQ(shell_command(" python3 jobs.py --name 'a b' $PORT ")[2], "exec python3 jobs.py --name 'a b' $PORT");
  EXPECT_EQ(shell_command("./run --level=3")[2], "exec ./run --level=3");
}

TEST(ShellCommand, AnyOtherLineKeepsAShellThatWaitsForItsCommand) {
  for (const char* run : {"cd jobs && ./run", "a; b", "a | b", "KEY=1 ./run", "(a)", "a > log 2>&1", "exec ./run",
                          "exec\t./run", "exit 3", "cd jobs", ". ./run", "test -e x"}) {
    EXPECT_EQ(shell_command(run)[2], "trap 'exit 143' TERM; " + std::string(run));
  }
}

TEST(ShellCommand, WhatTakesTheShellsPlaceMaySaySoItself) {
  EXPECT_EQ(exec_command(" node server.js"), "exec node server.js");
  EXPECT_EQ(exec_command("exec node server.js"), "exec node server.js");
  EXPECT_EQ(exec_command("executor"), "exec executor");
}

class JobsTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/trimaran-jobs-XXXXXX";
    folder_ = ::mkdtemp(path);
    generation_.number = 1;
    generation_.site.domain = "foobar.com";
    generation_.site.app.emplace();
    generation_.site.app->directory = folder_;
    generation_.database_url = "sqlite:////db";
  }
  void TearDown() override {
    jobs_.drain(0);
    jobs_.kill();
    wait_until("all has ended", [&] { return jobs_.gone(); });
    std::filesystem::remove_all(folder_);
    if (HasFailure()) std::fprintf(stderr, "%s", log_text().c_str());
  }

  template <class Condition>
  void wait_until(const char* what, Condition condition) {
    Millis end = monotonic_ms() + kDeadlineMs;
    for (; !condition(); jobs_.advance()) {
      ASSERT_LT(monotonic_ms(), end) << "waited in vain until " << what;
      loop_.run_once(20);
    }
  }
  // What the commands have written to the file `out`.
  std::string out() { return read_file(folder_ + "/out").value_or(""); }
  std::string log_text() const {
    std::string text(1 << 20, '\0');
    ssize_t n = ::pread(log_.get(), text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }
  const Service* service(const std::string& name) {
    for (const Service* s : jobs_.services()) {
      if (s->name() == name) return s;
    }
    return nullptr;
  }
  void set_clock(std::time_t now) {
    now_ = now;
    jobs_.look();
  }
  State saved() const {
    State state;
    jobs_.save(state);
    return state;
  }
  // As another program does it after execve(2), but with descriptors of its own: ours stay where they are.
  void adopt(Jobs& jobs, const State& state) {
    for (const StateRecord* record : state.all("job")) {
      StateRecord copy = *record;
      for (const auto& [key, fd] : record->fds()) copy.set_fd(key, ::fcntl(fd, F_DUPFD_CLOEXEC, 3));
      Generation generation = generation_;
      generation.number = static_cast<int>(record->number("generation"));
      ASSERT_TRUE(jobs.adopt(copy, generation));
    }
    for (const StateRecord* record : state.all("cron-time")) jobs.adopt_time(*record);
  }
  void lead(int number) {
    generation_.number = number;
    jobs_.lead(generation_);
  }

  std::string folder_;
  EventLoop loop_;
  Fd log_{::memfd_create("log", MFD_CLOEXEC)};
  LogSink sink_{log_.get()};
  Runtime runtime_{loop_, sink_, "/nonexistent/trimaran", current_user(), std::nullopt};
  Generation generation_;
  std::time_t now_ = 59;
  Jobs jobs_{runtime_, [] {}, [this] { return now_; }};
};

TEST_F(JobsTest, AProcessRunsInItsFolderWithTheApplicationsEnvironmentAndCanBeToldToEnd) {
  generation_.site.processes = {{"jobs",
                                 "trap 'echo bye >> out; exit' TERM; echo $TRIMARAN_SITE $DATABASE_URL >> out; "
                                 "while :; do sleep 0.01; done"}};
  lead(1);
  wait_until("it runs", [&] { return !out().empty(); });
  EXPECT_EQ(out(), "foobar.com sqlite:////db\n");
  EXPECT_TRUE(service("process foobar.com/jobs")->serving());
  jobs_.drain(kDeadlineMs);
  wait_until("it has ended", [&] { return jobs_.gone(); });
  EXPECT_EQ(out(), "foobar.com sqlite:////db\nbye\n");
}

TEST_F(JobsTest, AProcessThatEndsIsStartedAgain) {
  generation_.site.processes = {{"jobs", "echo run >> out"}};
  lead(1);
  wait_until("it has run three times", [&] { return out().size() >= 12; });
  EXPECT_GE(service("process foobar.com/jobs")->machine().restarts(), 2);
}

TEST_F(JobsTest, AtASwitchTheOldOneEndsBeforeTheNewOneStarts) {
  generation_.site.processes = {{"jobs",
                                 "trap 'sleep 0.2; rmdir lock; exit' TERM; "
                                 "mkdir lock && echo start >> out || echo TWICE >> out; while :; do sleep 0.01; done"}};
  for (int number : {1, 2, 1}) {  // a switch, then a rollback
    lead(number);
    lead(number);  // said again after each round: nothing changes
    wait_until("it runs", [&] { return out().size() == 6; });
    EXPECT_EQ(out(), "start\n");
    EXPECT_EQ(jobs_.services().size(), 1u);
    std::filesystem::remove(folder_ + "/out");
  }
}

TEST_F(JobsTest, AReloadOfTheSameGenerationTouchesOnlyWhatItChanged) {
  generation_.site.processes = {{"a", "sleep 1000"}, {"b", "sleep 1000"}};
  lead(1);
  pid_t a = service("process foobar.com/a")->pid(), b = service("process foobar.com/b")->pid();
  generation_.site.processes = {{"c", "sleep 1000"}, {"a", "sleep 1000"}};
  lead(1);
  wait_until("c runs", [&] { return service("process foobar.com/c")->serving(); });
  EXPECT_EQ(service("process foobar.com/a")->pid(), a);
  EXPECT_EQ(service("process foobar.com/b"), nullptr);
  EXPECT_NE(::kill(b, 0), 0);
}

TEST_F(JobsTest, TheProcfileAddsProcesses) {
  ASSERT_TRUE(write_file(folder_ + "/Procfile", "web: ./server\nmail: sleep 1000\n"));
  lead(1);
  EXPECT_TRUE(service("process foobar.com/mail")->serving());
  EXPECT_EQ(jobs_.services().size(), 1u);
}

TEST_F(JobsTest, ACronJobRunsWhenItsTimeHasComeAndOneAtATime) {
  generation_.site.cron = {{"tick", "* * * * *", "echo tick >> out; while [ ! -e go ]; do sleep 0.01; done; exit 3"}};
  lead(1);
  EXPECT_TRUE(service("cron foobar.com/tick")->gone());
  now_ = 60;  // its alarm was set for the second that is left
  wait_until("it runs", [&] { return out() == "tick\n"; });
  set_clock(120);
  wait_until("it was left out", [&] { return log_text().find("still runs") != std::string::npos; });
  EXPECT_EQ(out(), "tick\n");
  ASSERT_TRUE(write_file(folder_ + "/go", ""));
  wait_until("it has ended", [&] { return service("cron foobar.com/tick")->gone(); });
  EXPECT_NE(log_text().find("trimaran | cron foobar.com/tick exited with status 3"), std::string::npos);
  set_clock(180);
  wait_until("it runs again", [&] { return out() == "tick\ntick\n"; });
}

TEST_F(JobsTest, ACronJobUnderWayOutlivesASwitchAndItsSuccessorWaits) {
  generation_.site.cron = {{"tick", "* * * * *",
                            "echo begin >> out; while [ ! -e go ]; do sleep 0.01; done; "
                            "echo end >> out"}};
  lead(1);
  set_clock(60);
  wait_until("it runs", [&] { return out() == "begin\n"; });
  lead(2);
  set_clock(120);
  wait_until("the successor was left out", [&] { return log_text().find("still runs") != std::string::npos; });
  ASSERT_TRUE(write_file(folder_ + "/go", ""));
  wait_until("it has finished", [&] { return out() == "begin\nend\n" && jobs_.services().size() == 1; });
  set_clock(180);
  wait_until("the successor runs", [&] { return out() == "begin\nend\nbegin\nend\n"; });
}

TEST_F(JobsTest, ACronJobUnderWayIsLeftAloneByAReloadOfTheSameGeneration) {
  generation_.site.cron = {{"tick", "* * * * *", "echo begin >> out; exec sleep 1000"}};
  lead(1);
  set_clock(60);
  wait_until("it runs", [&] { return out() == "begin\n"; });
  pid_t pid = service("cron foobar.com/tick")->pid();
  generation_.site.cron.push_back({"nightly", "30 4 * * *", "true"});
  generation_.site.cron[0].schedule = "*/5 * * * *";
  lead(1);
  EXPECT_EQ(service("cron foobar.com/tick")->pid(), pid);
  EXPECT_EQ(service("cron foobar.com/tick")->state(), ServiceState::starting) << "nothing was asked of it";
  EXPECT_EQ(jobs_.services().size(), 2u);
}

TEST_F(JobsTest, AnotherProgramGoesOnWithWhatRuns) {
  generation_.site.processes = {{"a", "sleep 1000"}, {"b", "KEY=1 sleep 1000"}};
  generation_.site.cron = {{"tick", "* * * * *", "echo begin >> out; exec sleep 1000"}};
  lead(7);
  set_clock(60);
  wait_until("it runs", [&] { return out() == "begin\n"; });
  pid_t a = service("process foobar.com/a")->pid(), tick = service("cron foobar.com/tick")->pid();

  Jobs next{runtime_, [] {}, [this] { return now_; }};
  adopt(next, saved());
  next.look();  // before anything leads
  next.lead(generation_);
  now_ = 120;
  next.look();
  std::vector<const Service*> services = next.services();
  ASSERT_EQ(services.size(), 3u);
  EXPECT_EQ(services[0]->name(), "process foobar.com/a");
  EXPECT_EQ(services[0]->pid(), a);
  EXPECT_TRUE(services[0]->serving());
  EXPECT_TRUE(services[1]->serving());
  EXPECT_EQ(services[2]->name(), "cron foobar.com/tick");
  EXPECT_EQ(services[2]->pid(), tick);
  EXPECT_NE(log_text().find("cron foobar.com/tick still runs"), std::string::npos);
  EXPECT_EQ(out(), "begin\n");
}

TEST_F(JobsTest, ARecordOfAnOlderProgramHasTheNameInThatOfTheService) {
  generation_.site.processes = {{"mail", "sleep 1000"}};
  lead(1);
  pid_t pid = service("process foobar.com/mail")->pid();
  std::list<Jobs> adopters;  // until the end: each kills what it has
  for (const char* name : {"process foobar.com/mail", "process foobar.com/process foobar.com/mail"}) {
    State state = saved(), older;
    older.add(*state.all("job").front()).set("job", "").set("name", name);
    Jobs& next = adopters.emplace_back(
        runtime_, [] {}, [this] { return now_; });
    adopt(next, older);
    next.lead(generation_);
    ASSERT_EQ(next.services().size(), 1u);
    EXPECT_EQ(next.services()[0]->name(), "process foobar.com/mail");
    EXPECT_EQ(next.services()[0]->pid(), pid);
  }
}

// An upgrade that went on over a full minute lost it: the new program asked for the next one only.
TEST_F(JobsTest, ATimeThatComesDuringAnUpgradeIsRunOnceAfterIt) {
  generation_.site.cron = {{"tick", "* * * * *", "echo tick >> out"}, {"nightly", "30 4 * * *", "echo night >> out"}};
  lead(7);
  State first = saved();
  now_ = 61;
  Jobs second{runtime_, [] {}, [this] { return now_; }};
  adopt(second, first);
  State again;  // one more, before anything leads
  second.save(again);
  Jobs third{runtime_, [] {}, [this] { return now_; }};
  adopt(third, again);
  third.lead(generation_);
  auto ended = [&](Jobs& jobs) { return jobs.services().front()->gone() && !out().empty(); };
  wait_until("it has run", [&] { return ended(third); });
  third.look();
  wait_until("what was due has run", [&] { return ended(third); });
  EXPECT_EQ(out(), "tick\n");
  EXPECT_EQ(log_text(), "");
  now_ = 120;
  third.look();
  wait_until("it has run again", [&] { return ended(third) && out() != "tick\n"; });
  EXPECT_EQ(out(), "tick\ntick\n");
}

// A job's alarm may be a second late: a switch within that second began its schedule anew, behind the time.
TEST_F(JobsTest, ATimeThatComesWithASwitchIsNotLost) {
  generation_.site.cron = {{"tick", "* * * * *", "echo tick >> out"}};
  lead(1);
  now_ = 60;
  generation_.site.cron.push_back({"new", "* * * * *", "echo new >> out"});
  lead(2);
  wait_until("it has run", [&] { return !out().empty() && service("cron foobar.com/tick")->gone(); });
  EXPECT_EQ(out(), "tick\n") << "and the one that is new has no time that has passed";
}

TEST_F(JobsTest, AProcessInItsPauseDoesNotServe) {
  generation_.site.processes = {{"a", "sleep 1000"}, {"b", "exit 3"}};
  lead(1);
  wait_until("its pause began", [&] { return !jobs_.serving(); });
  EXPECT_EQ(service("process foobar.com/b")->machine().reason(), "exited with status 3");
  EXPECT_EQ(service("process foobar.com/b")->state(), ServiceState::back_off);
  generation_.site.processes.pop_back();
  lead(1);
  EXPECT_TRUE(jobs_.serving());
}

}  // namespace
}  // namespace trimaran
