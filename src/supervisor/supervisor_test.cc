// The supervisor with children that speak the link and do nothing else: starts, crashes, reloads, stops.
#include "supervisor/supervisor.h"

#include "supervisor/testing.h"

namespace trimaran {
namespace {

TEST_F(SupervisorTest, StartsEverythingConnectsItAndStopsInOrder) {
  ASSERT_EQ(start_error(), "");
  wait_for_state("serving");
  wait_until("both workers serve", [&] { return all_serving(); });
  std::string told = front_counters();
  EXPECT_NE(told.find("\"listeners\": 2"), std::string::npos) << told;  // one a thread
  EXPECT_NE(told.find("\"targets\": 4"), std::string::npos) << told;    // two workers for each of two threads
  EXPECT_NE(told.find("\"app\": \"serving \""), std::string::npos) << told;
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/.trimaran/foobar.com/site.db"));

  supervisor_->stop();
  wait_until("stopped", [&] { return stopped_; });
  std::string log = log_text();
  size_t front = log.find("front | drained"), nameserver = log.find("nameserver | drained"),
         worker = log.find("app foobar.com/1 | drained");
  EXPECT_LT(front, nameserver);
  EXPECT_LT(nameserver, worker);
  EXPECT_NE(worker, std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/.trimaran/run/lock"));
}

TEST(SupervisorStop, WhatHasHeldTheFrontUntilItsLimitGetsOnlyTheRestOfTheStop) {
  EXPECT_EQ(Supervisor::workers_stop_ms(0), 10'000) << "the front was gone at once";
  EXPECT_EQ(Supervisor::workers_stop_ms(7'000), 8'000);
  EXPECT_EQ(Supervisor::workers_stop_ms(10'000), 5'000) << "15 s in all";
  EXPECT_EQ(Supervisor::workers_stop_ms(13'000), 5'000) << "the name server took its time too";
}

TEST_F(SupervisorTest, EachKilledChildComesBackByItself) {
  ASSERT_EQ(start_error(), "");
  wait_until("all serve", [&] { return supervisor_->report().state == "serving" && all_serving(); });
  kill_and_wait("nameserver");
  kill_and_wait("app foobar.com/2");
  kill_and_wait("front");
  // The new front has a channel to every worker that lived on.
  wait_until("all serve", [&] { return all_serving(); });
  EXPECT_NE(front_counters().find("\"targets\": 4"), std::string::npos) << front_counters();
  EXPECT_EQ(service("front").restarts, 1);
}

TEST_F(SupervisorTest, ABrokenApplicationIsOneTracebackAndHealsByItself) {
  write_app("broken");
  ASSERT_EQ(start_error(), "");
  wait_for_state("degraded");
  SiteReport site = supervisor_->report().sites[0];
  EXPECT_EQ(site.app_state, "broken");
  EXPECT_EQ(site.app_reason, "cannot import app.so");
  EXPECT_EQ(service("front").state, "serving");
  EXPECT_EQ(service("app foobar.com/2").state, "stopped") << "the second worker waits for the first";
  EXPECT_EQ(service("app foobar.com/2").since_s, std::nullopt) << "it never started";
  EXPECT_NE(front_counters().find("\"app\": \"broken cannot import app.so\""), std::string::npos);
  EXPECT_NE(log_text().find("app foobar.com/1 | Traceback"), std::string::npos);
  write_app("good");
  wait_for_state("serving");
}

TEST_F(SupervisorTest, AReloadWithAMistakeChangesNothing) {
  ASSERT_EQ(start_error(), "");
  wait_for_state("serving");
  write_site("run = \"native:app.so\"\nworker = 3");
  ReloadOutcome outcome = supervisor_->reload();
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.text.find("did you mean \"workers\""), std::string::npos) << outcome.text;
  EXPECT_EQ(supervisor_->report().generation, 1);
  write_site("run = \"native:app.so\"", "[limits]\n");
  std::string text = read_file(site_file()).value();
  ASSERT_TRUE(write_file(site_file(), text.replace(text.find("threads = 2"), 11, "threads = 1")));
  EXPECT_EQ(supervisor_->reload().exit_code, 1) << "threads cannot change";
  EXPECT_EQ(supervisor_->report().generation, 1);
}

TEST_F(SupervisorTest, AReloadKeepsWorkersUnlessTheirApplicationChanged) {
  ASSERT_EQ(start_error(), "");
  wait_until("all serve", [&] { return supervisor_->report().state == "serving" && all_serving(); });
  int front = service("front").pid, worker = service("app foobar.com/1").pid;
  write_site("run = \"native:app.so\"\nworkers = 2\ntimeout = \"5s\"\nstart_timeout = \"90s\"");
  EXPECT_EQ(reload_and_wait().text,
            "configuration 2 is in force; no worker was restarted (no setting that needs it has changed)");
  EXPECT_EQ(service("app foobar.com/1").pid, worker);

  write_site("run = \"native:app.so\"\nworkers = 2\nthreads = 3");
  EXPECT_EQ(reload_and_wait().text, "configuration 3 is in force; the new workers of foobar.com serve");
  wait_until("two new workers serve alone", [&] {
    return supervisor_->report().services.size() == 4 && all_serving() && service("app foobar.com/1").pid != worker;
  });
  EXPECT_EQ(service("front").pid, front);
}

TEST_F(SupervisorTest, AReloadToABrokenApplicationKeepsTheOldWorkers) {
  ASSERT_EQ(start_error(), "");
  wait_until("all serve", [&] { return supervisor_->report().state == "serving" && all_serving(); });
  int worker = service("app foobar.com/1").pid;
  write_app("broken");
  write_site("run = \"native:app.so\"\nworkers = 2\nthreads = 4");
  ReloadOutcome outcome = reload_and_wait();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.text, "the new workers of foobar.com failed (cannot import app.so); the old ones still serve");
  wait_until("the new generation is gone", [&] { return supervisor_->report().services.size() == 4; });
  EXPECT_EQ(service("app foobar.com/1").pid, worker);
  EXPECT_EQ(supervisor_->report().sites[0].app_state, "serving");
}

TEST_F(SupervisorTest, AReloadThatHasNothingToKeepSaysSo) {
  write_app("broken");
  ASSERT_EQ(start_error(), "");
  wait_for_state("degraded");
  write_site("run = \"native:app.so\"\nthreads = 3");
  ReloadOutcome outcome = reload_and_wait();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.text, "the new workers of foobar.com failed (cannot import app.so); they are tried again");
}

TEST_F(SupervisorTest, AStopAnswersWhoWaitsForAReload) {
  ASSERT_EQ(start_error(), "");
  wait_for_state("serving");
  write_site("run = \"native:app.so\"\nthreads = 3");
  ASSERT_TRUE(supervisor_->reload().in_force);
  int exit_code = 0;
  supervisor_->when_reloaded([&](const ReloadOutcome& outcome) { exit_code = outcome.exit_code; });
  supervisor_->stop();
  EXPECT_EQ(exit_code, 1);
}

TEST_F(SupervisorTest, AReloadCanAddAndRemoveTheApplication) {
  write_site("", "[[route]]\npath = \"/\"\nredirect = \"http://example.com/\"\n");
  ASSERT_EQ(start_error(), "");
  wait_for_state("serving");
  EXPECT_EQ(supervisor_->report().services.size(), 2u);
  write_site("run = \"native:app.so\"");
  ASSERT_EQ(supervisor_->reload().text.substr(0, 13), "configuration");
  wait_until("the workers serve", [&] { return supervisor_->report().services.size() == 4 && all_serving(); });
  write_site("", "[[route]]\npath = \"/\"\nredirect = \"http://example.com/\"\n");
  ASSERT_EQ(supervisor_->reload().text.substr(0, 13), "configuration");
  wait_until("the workers are gone", [&] { return supervisor_->report().services.size() == 2; });
}

TEST_F(SupervisorTest, ASecondDaemonOnTheSameStateIsRefusedInOneLine) {
  ASSERT_EQ(start_error(), "");
  auto first = std::move(supervisor_);
  Status second = start();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "another trimaran already runs for " + site_file() + " (it holds " + folder_ + "/.trimaran/run/lock)");
  supervisor_ = std::move(first);
  wait_for_state("serving");
}

TEST_F(SupervisorTest, AMissingInterpreterLeavesTheRestServing) {
  std::filesystem::create_directories(folder_ + "/.venv/bin");
  std::filesystem::create_symlink("/opt/python9/bin/python", folder_ + "/.venv/bin/python");
  write_site("run = \"wsgi:wsgi:application\"");
  ASSERT_EQ(start_error(), "");
  wait_until("the front serves", [&] { return service("front").state == "serving"; });
  wait_for_state("degraded");
  EXPECT_EQ(supervisor_->report().sites[0].app_state, "broken");
  EXPECT_NE(supervisor_->report().sites[0].app_reason.find("the virtual environment"), std::string::npos);
  EXPECT_EQ(service("nameserver").state, "serving");
}

}  // namespace
}  // namespace trimaran
