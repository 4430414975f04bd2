// A network role in generations, with children that speak the link and do nothing else (fake_role.py).
#include "supervisor/network_role.h"

#include "supervisor/testing.h"

namespace trimaran {
namespace {

class NetworkRoleTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = make_test_folder();
    log_ = Fd(::memfd_create("log", MFD_CLOEXEC));
    sink_ = std::make_unique<LogSink>(log_.get());
    runtime_.reset(new Runtime{loop_, *sink_, folder_ + "/bin/trimaran", current_user(), std::nullopt});
    deployment_.config.access_log = "off";
    deployment_.sources.files.push_back({"/site/trimaran.toml", "[site]\ndomain = \"foobar.com\"\n", 1});
    deployment_.config.sites.emplace_back().deploy.drain_ms = 7'000;
    NetworkRole::Hooks hooks;
    hooks.changed = hooks.counted = [] {};
    hooks.applied = [this] { ++applied_; };
    hooks.said = [](const Message&) {};
    hooks.started = [this] { told_ += std::to_string(role_->audience().size()); };
    role_ = std::make_unique<NetworkRole>(*runtime_, "nameserver", deployment_, hooks);
  }
  void TearDown() override {
    role_.reset();
    std::filesystem::remove_all(folder_);
  }

  template <class Condition>
  void wait_until(const char* what, Condition condition) {
    Millis end = monotonic_ms() + kDeadlineMs;
    while (!condition()) {
      ASSERT_LT(monotonic_ms(), end) << "waited in vain until " << what;
      loop_.run_once(20);
    }
  }
  void start() {
    role_->service().start();
    wait_until("it serves", [&] { return role_->service().serving(); });
  }
  std::string renew() {
    bool over = false;
    std::string error;
    role_->renew([&](const Status& outcome) {
      over = true;
      if (!outcome) error = outcome.error().message;
    });
    wait_until("the renewal is over", [&] { return over; });
    return error;
  }
  // While this file is there, a child that hands over has somebody connected and stays.
  void connect_somebody() { ASSERT_TRUE(write_file(folder_ + "/bin/connected", "")); }

  std::string folder_;
  EventLoop loop_;
  Fd log_;
  std::unique_ptr<LogSink> sink_;
  std::unique_ptr<Runtime> runtime_;
  Deployment deployment_;
  std::unique_ptr<NetworkRole> role_;
  int applied_ = 0;   // reloads that were answered
  std::string told_;  // the size of the audience each time a new process was introduced
};

TEST_F(NetworkRoleTest, ANewGenerationServesBeforeTheOldOneHandsOverAndEnds) {
  start();
  pid_t old = role_->service().pid();
  EXPECT_EQ(renew(), "");
  EXPECT_NE(role_->service().pid(), old);
  EXPECT_TRUE(role_->service().serving());
  wait_until("the old one has ended", [&] { return role_->services().size() == 1; });
  EXPECT_EQ(told_, "11") << "each is introduced alone";
}

TEST_F(NetworkRoleTest, OneThatHandsOverIsStillTold) {
  connect_somebody();
  start();
  EXPECT_EQ(renew(), "");
  EXPECT_EQ(renew(), "");
  EXPECT_EQ(role_->audience().size(), 3u);
  EXPECT_EQ(role_->services().size(), 3u);
  EXPECT_TRUE(role_->services()[0]->serving());
  EXPECT_EQ(role_->services()[1]->state(), ServiceState::draining);
}

TEST_F(NetworkRoleTest, OneThatDoesNotGetReadyIsThrownAway) {
  start();
  pid_t old = role_->service().pid();
  std::filesystem::remove(folder_ + "/bin/trimaran");
  ASSERT_TRUE(write_file(folder_ + "/bin/trimaran", "#!/bin/sh\nexit 3\n", 0755));
  EXPECT_EQ(renew(), "the new nameserver failed (exited with status 3); the old one still serves");
  EXPECT_EQ(role_->service().pid(), old);
  EXPECT_TRUE(role_->service().serving());
  wait_until("it is forgotten", [&] { return role_->services().size() == 1; });
}

TEST_F(NetworkRoleTest, AStopEndsThoseThatHandOverToo) {
  connect_somebody();
  start();
  EXPECT_EQ(renew(), "");
  role_->drain();
  EXPECT_TRUE(role_->audience().empty());
  wait_until("only the one that is connected is left", [&] { return role_->service().gone(); });
  EXPECT_FALSE(role_->gone());
  role_->kill();
  wait_until("all are gone", [&] { return role_->gone(); });
}

TEST_F(NetworkRoleTest, AReloadIsAnsweredOnce) {
  start();
  role_->reload();
  wait_until("it was answered", [&] { return applied_ > 0; });
  EXPECT_EQ(renew(), "");
  EXPECT_EQ(applied_, 1);
}

TEST_F(NetworkRoleTest, TheAnswerToAReloadIsNotTakenForTheNextOnes) {
  ASSERT_TRUE(write_file(folder_ + "/bin/stop-2", ""));
  start();
  for (int generation : {2, 3}) {
    deployment_.generation = generation;
    role_->reload();
  }
  pid_t pid = role_->service().pid();
  wait_until("it has answered the first", [&] {
    auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    return stat && stat->find(") T ") != std::string::npos;
  });
  for (int i = 0; i < 3; ++i) loop_.run_once(0);
  EXPECT_EQ(applied_, 0) << "it does not know the second configuration yet";
  ::kill(pid, SIGCONT);
  wait_until("the second was answered", [&] { return applied_ == 1; });
}

TEST_F(NetworkRoleTest, AReloadDuringARenewalIsAnsweredByWhoeverServes) {
  start();
  ::kill(role_->service().pid(), SIGSTOP);
  bool over = false;
  role_->renew([&](const Status&) { over = true; });
  deployment_.generation = 2;
  role_->reload();
  wait_until("the renewal is over", [&] { return over; });
  wait_until("the new one has answered", [&] { return applied_ == 1; });
}

TEST_F(NetworkRoleTest, AReloadIsAnsweredByTheSuccessorOfOneThatDiedOfIt) {
  start();
  pid_t old = role_->service().pid();
  ::kill(old, SIGSTOP);
  role_->reload();
  ::kill(old, SIGKILL);
  wait_until("its successor answers", [&] { return role_->service().pid() != old && applied_ == 1; });
}

TEST_F(NetworkRoleTest, AReloadReachesOneThatIsStarting) {
  start();
  bool over = false;
  role_->renew([&](const Status&) { over = true; });
  deployment_.generation = 2;
  role_->reload();
  wait_until("the renewal is over", [&] { return over; });
  wait_until("it has the new configuration", [&] {
    role_->refresh_counters();
    loop_.run_once(20);
    return role_->counters().find("\"generation\": 2") != std::string::npos;
  });
}

TEST_F(NetworkRoleTest, TheOldOneMayEndWhileTheNewOneStarts) {
  start();
  role_->renew([](const Status&) {});
  role_->service().kill();
  wait_until("one serves", [&] { return role_->service().serving() && !role_->renewing(); });
  wait_until("and only one is left", [&] { return role_->services().size() == 1; });
}

}  // namespace
}  // namespace trimaran
