// Workers are replaced before they retire, and generations take over from one another; with children that only speak
// the link.
#include <gtest/gtest.h>

#include "supervisor/app_worker.h"
#include "supervisor/site.h"
#include "supervisor/testing.h"
#include "supervisor/worker_slot.h"

namespace trimaran {
namespace {

class GenerationsTest : public SupervisorTest {
 protected:
  void start_site(const std::string& app) {
    write_site(app);
    ASSERT_EQ(start_error(), "");
    wait_until("all serve", [&] { return supervisor_->report().state == "serving" && all_serving(); });
  }
  void signal_worker(const std::string& name, int signal) { ::kill(service(name).pid, signal); }
  size_t workers() {
    size_t count = 0;
    for (const ServiceReport& s : supervisor_->report().services) count += s.kind == "worker" ? 1 : 0;
    return count;
  }
  void wait_for_another(const std::string& name, int old_pid, size_t count) {
    wait_until("another worker serves alone",
               [&] { return workers() == count && all_serving() && service(name).pid != old_pid; });
  }
  bool in_log(const std::string& text) { return log_text().find(text) != std::string::npos; }
  bool front_heard(const std::string& text) { return front_counters().find(text) != std::string::npos; }
};

TEST_F(GenerationsTest, AWorkerThatAsksForItIsReplacedBeforeItRetires) {
  start_site("run = \"native:app.so\"\nworkers = 2");
  int old = service("app foobar.com/1").pid, other = service("app foobar.com/2").pid;
  signal_worker("app foobar.com/1", SIGUSR1);
  wait_for_another("app foobar.com/1", old, 2);
  EXPECT_EQ(service("app foobar.com/2").pid, other);
  std::string log = log_text();
  size_t asked = log.find("is replaced: it was told to");
  size_t serves = log.find("app foobar.com/1 serves", asked), drained = log.find("app foobar.com/1 | drained");
  EXPECT_NE(asked, std::string::npos);
  EXPECT_LT(serves, drained);
  EXPECT_TRUE(front_heard("\"retired\": 1"));
}

TEST_F(GenerationsTest, ASuccessorThatCannotStartHarmsNobody) {
  start_site("run = \"native:app.so\"\nworkers = 1");
  int old = service("app foobar.com/1").pid;
  write_app("broken");
  signal_worker("app foobar.com/1", SIGUSR1);
  wait_until("the successor has failed twice", [&] {
    std::string log = log_text();
    size_t first = log.find("Traceback");
    return first != std::string::npos && log.find("Traceback", first + 1) != std::string::npos;
  });
  EXPECT_EQ(service("app foobar.com/1").pid, old);
  EXPECT_EQ(service("app foobar.com/1").state, "serving");
  EXPECT_EQ(supervisor_->report().sites[0].app_state, "serving");
  write_app("good");
  wait_for_another("app foobar.com/1", old, 1);
}

TEST_F(GenerationsTest, AWorkerThatDiesWhileItIsReplacedLeavesItsPlaceToTheSuccessor) {
  start_site("run = \"native:app.so\"\nworkers = 1");
  int old = service("app foobar.com/1").pid;
  write_app("broken");
  signal_worker("app foobar.com/1", SIGUSR1);
  wait_until("the successor fails", [&] { return in_log("Traceback"); });
  signal_worker("app foobar.com/1", SIGKILL);
  wait_until("one is left", [&] { return workers() == 1; });
  write_app("good");
  wait_for_another("app foobar.com/1", old, 1);
}

TEST_F(GenerationsTest, AHungWorkerShowsItsThreadsAndIsReplacedOnce) {
  start_site("run = \"native:app.so\"\nworkers = 1");
  int old = service("app foobar.com/1").pid;
  for (int i = 0; i < 2; ++i) front_says("hung\nsite=foobar.com\nworker=1\nrequest=GET /slow");
  wait_for_another("app foobar.com/1", old, 1);
  std::string log = log_text(), replaced = "is replaced: it let a request run into its timeout: GET /slow";
  size_t first = log.find(replaced);
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(log.find(replaced, first + 1), std::string::npos);
  EXPECT_NE(log.find("where every thread is"), std::string::npos);
  // What the front says of a worker that is gone changes nothing.
  int now = service("app foobar.com/1").pid;
  front_says("hung\nsite=foobar.com\nworker=1\nrequest=GET /slow");
  front_counters();
  EXPECT_EQ(service("app foobar.com/1").pid, now);
}

TEST_F(GenerationsTest, AWorkerThatTheFrontHasGivenUpIsReplaced) {
  start_site("run = \"native:app.so\"\nworkers = 1");
  int old = service("app foobar.com/1").pid;
  front_says("given-up\nsite=foobar.com\nworker=1");
  wait_for_another("app foobar.com/1", old, 1);
  EXPECT_NE(log_text().find("is replaced: the front has given it up"), std::string::npos);
}

TEST_F(GenerationsTest, AWorkerThatHangsAtItsStartSaysWhereBeforeItIsKilled) {
  write_app("hangs");
  write_site("run = \"native:app.so\"\nworkers = 1\nstart_timeout = \"8s\"");
  ASSERT_EQ(start_error(), "");
  wait_until("it is killed",
             [&] { return in_log("was not ready in time ([app] start_timeout is 8s) and was killed"); });
  std::string log = log_text();
  EXPECT_LT(log.find("where every thread is"), log.find("was not ready in time"));
}

TEST_F(GenerationsTest, AWorkerFarAboveItsHardLimitIsKilledAndReplaced) {
  start_site("run = \"native:app.so\"\nworkers = 1\nmemory_hard = \"128M\"");
  int old = service("app foobar.com/1").pid;
  signal_worker("app foobar.com/1", SIGUSR2);
  wait_for_another("app foobar.com/1", old, 1);
  EXPECT_TRUE(in_log("more than memory_hard (128 MiB)"));
}

TEST_F(GenerationsTest, AWorkerAboveItsSoftLimitIsReplacedInOrder) {
  start_site("run = \"native:app.so\"\nworkers = 1\nmemory_soft = \"128M\"");
  int old = service("app foobar.com/1").pid;
  signal_worker("app foobar.com/1", SIGUSR2);
  wait_for_another("app foobar.com/1", old, 1);
  EXPECT_TRUE(in_log("more than memory_soft (128 MiB)"));
  EXPECT_TRUE(in_log("app foobar.com/1 | drained"));
}

TEST_F(GenerationsTest, AReloadOfTheNumberOfWorkersTouchesNoOther) {
  start_site("run = \"native:app.so\"\nworkers = 2");
  int first = service("app foobar.com/1").pid, second = service("app foobar.com/2").pid;
  write_site("run = \"native:app.so\"\nworkers = 4");
  EXPECT_EQ(reload_and_wait().exit_code, 0);
  wait_until("four serve", [&] { return workers() == 4 && all_serving(); });
  EXPECT_EQ(service("app foobar.com/1").pid, first);
  EXPECT_EQ(service("app foobar.com/2").pid, second);
  write_site("run = \"native:app.so\"\nworkers = 1");
  EXPECT_EQ(reload_and_wait().exit_code, 0);
  wait_until("one serves", [&] { return workers() == 1 && all_serving(); });
  EXPECT_EQ(service("app foobar.com/1").pid, first);
  EXPECT_EQ(supervisor_->report().sites[0].generations[0].number, 1);
}

TEST_F(GenerationsTest, WorkersFollowTheLoad) {
  start_site("run = \"native:app.so\"\nworkers = 1\nworkers_max = 2");
  wait_until("the front is asked for its load", [&] { return !front_heard("\"load\": 0"); });
  front_says("load\nsite=foobar.com\nbusy=4\ncapacity=1\nqueued=3");
  wait_until("two serve", [&] { return workers() == 2 && all_serving(); });
  front_says("load\nsite=foobar.com\nbusy=4\ncapacity=1\nqueued=3");
  front_counters();
  EXPECT_EQ(workers(), 2u) << "workers_max";
}

TEST_F(GenerationsTest, APausedSiteIsTheFrontsBusinessUntilItIsResumed) {
  start_site("run = \"native:app.so\"\nworkers = 1");
  EXPECT_EQ(supervisor_->pause("foobar.com", true).exit_code, 0);
  EXPECT_TRUE(front_heard("\"app\": \"paused \""));
  EXPECT_EQ(supervisor_->report().sites[0].app_state, "paused");
  kill_and_wait("front");
  EXPECT_TRUE(front_heard("\"app\": \"paused \"")) << "a new front is told";
  EXPECT_EQ(supervisor_->pause("", false).exit_code, 0);
  EXPECT_TRUE(front_heard("\"app\": \"serving \""));
  EXPECT_EQ(supervisor_->pause("bar.com", true).exit_code, 1);
}

TEST_F(GenerationsTest, WithoutADatabaseServerThereIsNoneToRestart) {
  start_site("run = \"native:app.so\"\nworkers = 1");
  ReloadOutcome outcome;
  supervisor_->restart_database([&](const ReloadOutcome& last) { outcome = last; });
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_FALSE(outcome.in_force);
}

TEST(Jitter, IsUpToATenthLessAndDifferent) {
  EXPECT_EQ(with_jitter(0, 1), 0);
  EXPECT_EQ(with_jitter(1, 7), 1);
  std::set<int64_t> seen;
  for (uint64_t number = 1; number <= 100; ++number) {
    int64_t value = with_jitter(100'000, number);
    EXPECT_LE(value, 100'000);
    EXPECT_GE(value, 90'000);
    seen.insert(value);
  }
  EXPECT_GT(seen.size(), 90u);
}

}  // namespace
}  // namespace trimaran
