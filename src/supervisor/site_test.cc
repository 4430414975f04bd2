// How generations of one site take over from one another: who gets the requests, and what whoever began one is told.
#include "supervisor/site.h"

#include "supervisor/testing.h"

namespace trimaran {
namespace {

constexpr Millis kWarmMs = 600'000;

class SiteTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = make_test_folder();
    log_ = Fd(::memfd_create("log", MFD_CLOEXEC));
    sink_ = std::make_unique<LogSink>(log_.get());
    runtime_ =
        std::make_unique<Runtime>(Runtime{loop_, *sink_, folder_ + "/bin/trimaran", current_user(), std::nullopt});
    // A front that never starts: what it would be told is in Site::shares() and state().
    NetworkRole::Hooks hooks{[] {}, [] {}, [] {}, [] {}, [](const Message&) {}};
    front_ = std::make_unique<NetworkRole>(*runtime_, "front", deployment_, hooks);
    fleet_.emplace(Fleet{*runtime_, FrontLine(*front_), [this] { changed_ = true; }});
    site_ = std::make_unique<Site>(*fleet_, "foobar.com");
    write("good");
    site_->replace(config(), "");
    wait_until("it serves", [&] { return site_->current()->complete(); });
  }
  void TearDown() override {
    site_->drain(0);
    site_->kill();
    wait_until("all is gone", [&] { return site_->gone(); });
    site_.reset();
    std::filesystem::remove_all(folder_);
  }

  void write(const std::string& text, const char* name = "app.so") {
    ASSERT_TRUE(write_file(folder_ + "/" + name, text));
  }
  SiteConfig config(const std::string& app = "app.so", const std::string& release = "") {
    SiteConfig site{.domain = "foobar.com"};
    site.app = AppConfig{.kind = AppKind::native, .target = folder_ + "/" + app, .directory = folder_};
    site.release = release;
    return site;
  }
  // Begins one that tells its story in story_.
  void begin(const SiteConfig& config) {
    site_->begin(config, "",
                 {.proven = [this] { story_ += "proven "; },
                  .complete = [this] { story_ += "complete "; },
                  .failed =
                      [this](const GenerationFailure& failure) {
                        story_ += "failed ";
                        failure_ = failure;
                      }});
  }
  void begin_and_complete(const SiteConfig& config) {
    begin(config);
    wait_until("it is proven", [&] { return story_ == "proven "; });
    site_->start_all();
    wait_until("it is complete", [&] { return story_ == "proven complete "; });
    story_.clear();
  }

  template <class Condition>
  void wait_until(const char* what, Condition condition) {
    Millis end = monotonic_ms() + kDeadlineMs;
    for (;;) {
      for (App* app : site_->generations()) {
        if (!app->started() && !app->draining()) app->start();
      }
      site_->advance();
      if (condition()) return;
      ASSERT_LT(monotonic_ms(), end) << "waited in vain until " << what;
      loop_.run_once(20);
    }
  }

  std::string folder_;
  EventLoop loop_;
  Fd log_;
  std::unique_ptr<LogSink> sink_;
  std::unique_ptr<Runtime> runtime_;
  Deployment deployment_;
  std::unique_ptr<NetworkRole> front_;
  std::optional<Fleet> fleet_;
  std::unique_ptr<Site> site_;
  bool changed_ = false;
  std::string story_;
  GenerationFailure failure_;
};

TEST_F(SiteTest, TheOthersWaitUntilTheFirstWorkerIsProven) {
  begin(config());
  wait_until("it is proven", [&] { return story_ == "proven "; });
  EXPECT_EQ(site_->next()->services()[1]->state(), ServiceState::stopped);
  EXPECT_EQ(site_->shares(), "1=100");
  site_->start_all();
  wait_until("it is complete", [&] { return story_ == "proven complete "; });
  EXPECT_EQ(site_->shares(), "1=100") << "complete, and without requests before it is promoted";
}

TEST_F(SiteTest, ASwitchACanaryAndTheWayBackAreShares) {
  begin_and_complete(config("app.so", "/srv/releases/2"));
  site_->set_canary(10);
  EXPECT_EQ(site_->shares(), "1=90 2=10");
  EXPECT_EQ(site_->part_of(*site_->next()), "canary");
  site_->promote(kWarmMs);
  EXPECT_EQ(site_->shares(), "2=100");
  EXPECT_EQ(site_->current()->release(), "/srv/releases/2");
  ASSERT_TRUE(site_->warm());
  EXPECT_EQ(site_->warm()->state(), AppState::serving);
  ASSERT_TRUE(site_->roll_back(kWarmMs));
  EXPECT_EQ(site_->shares(), "1=100");
  EXPECT_EQ(site_->warm()->generation(), 2) << "and forward again";
  EXPECT_EQ(story_, "");
}

TEST_F(SiteTest, OnlyOneGenerationStaysWarm) {
  begin_and_complete(config());
  site_->promote(kWarmMs);
  begin_and_complete(config());
  site_->promote(kWarmMs);
  EXPECT_EQ(site_->warm()->generation(), 2);
  wait_until("the first is gone", [&] { return site_->generations().size() == 2; });
}

TEST_F(SiteTest, NothingStaysWarmForNoTime) {
  begin_and_complete(config());
  site_->promote(0);
  EXPECT_FALSE(site_->warm());
  EXPECT_FALSE(site_->roll_back(kWarmMs));
  wait_until("the first is gone", [&] { return site_->generations().size() == 1; });
}

TEST_F(SiteTest, TheWarmTimeEnds) {
  begin_and_complete(config());
  site_->promote(50);
  wait_until("nothing is warm", [&] { return !site_->warm() && site_->generations().size() == 1; });
}

TEST_F(SiteTest, ABrokenOneIsThrownAwayWithItsLastWords) {
  write("broken", "new.so");
  begin(config("new.so"));
  wait_until("it has failed", [&] { return story_ == "failed "; });
  EXPECT_EQ(failure_.reason, "cannot import new.so");
  ASSERT_EQ(failure_.log.size(), 1u);
  EXPECT_EQ(failure_.log[0], "Traceback: the application is broken");
  EXPECT_FALSE(site_->next());
  EXPECT_EQ(site_->shares(), "1=100");
  EXPECT_EQ(site_->current()->state(), AppState::serving);
}

TEST_F(SiteTest, OneThatBreaksAfterItsProofIsThrownAwayToo) {
  write("good", "new.so");
  begin(config("new.so"));
  wait_until("it is proven", [&] { return story_ == "proven "; });
  write("broken", "new.so");
  site_->start_all();
  wait_until("it has failed", [&] { return story_ == "proven failed "; });
}

TEST_F(SiteTest, ACanaryThatCannotComeBackLosesItsShare) {
  write("good", "new.so");
  begin_and_complete(config("new.so"));
  site_->set_canary(50);
  write("broken", "new.so");
  ::kill(site_->next()->services()[0]->pid(), SIGKILL);
  wait_until("it has failed", [&] { return story_ == "failed "; });
  EXPECT_EQ(site_->shares(), "1=100");
}

TEST_F(SiteTest, ANewerOneTakesThePlaceOfOneOnItsWay) {
  begin(config());
  begin(config());
  EXPECT_EQ(story_, "") << "no callback from within a call";
  wait_until("the older one is told", [&] { return story_.starts_with("failed "); });
  EXPECT_EQ(failure_.reason, "a newer change took its place");
  EXPECT_EQ(site_->next()->generation(), 3);
}

TEST_F(SiteTest, AnAbandonedOneIsNotToldWhatItKnows) {
  begin(config());
  site_->abandon();
  wait_until("it is gone", [&] { return site_->generations().size() == 1; });
  EXPECT_EQ(story_, "");
  site_->abandon();
}

TEST_F(SiteTest, WithoutCallbacksItGoesAllTheWay) {
  site_->begin(config(), "", {});
  wait_until("it serves alone", [&] { return site_->shares() == "2=100" && site_->generations().size() == 1; });
}

// The tunnels of a front that lives on have their close frames on the way; after the last front nobody has.
TEST_F(SiteTest, AtTheLastEndAWorkerIsKilledAtTheLimitItself) {
  auto time_left = [&] {
    State state;
    site_->save(state);
    auto workers = state.all("worker");
    return workers.empty() ? 0 : workers[0]->number("deadline") - loop_.now();
  };
  ::kill(site_->current()->services()[0]->pid(), SIGSTOP);  // it hangs
  site_->drain(60'000);
  EXPECT_EQ(time_left(), 60'000 + App::kCutMs);
  site_->end(40'000);
  EXPECT_EQ(time_left(), 40'000);
  site_->end(50'000);
  EXPECT_EQ(time_left(), 40'000) << "later is no limit";
  site_->end(0);
  wait_until("it is killed", [&] { return site_->gone(); });
}

TEST_F(SiteTest, AnAdoptedGenerationStaysTheKindOfProgramThatItIs) {
  State state;
  state.add("site").set("domain", "foobar.com");
  state.add("generation").set("site", "foobar.com").set("generation", 7).set("part", "current").set("kind", "http");
  state.add("generation").set("site", "foobar.com").set("generation", 6).set("part", "finishing");
  Site adopted(*fleet_, "foobar.com");
  auto record = state.one("site");
  ASSERT_TRUE(record);
  auto todays = [&](const StateRecord& saved) {
    return Generation{static_cast<int>(saved.number("generation")), config(), ""};
  };
  ASSERT_TRUE(adopted.adopt(**record, state, todays));
  EXPECT_EQ(adopted.current()->site().app->kind, AppKind::http);
  EXPECT_EQ(adopted.current()->site().app->target, "");
  EXPECT_EQ(adopted.generations()[1]->site().app->kind, AppKind::native) << "an older writer did not say";

  State again;
  adopted.save(again);
  EXPECT_EQ(again.all("generation")[0]->text("kind"), "http");
  EXPECT_EQ(again.all("generation")[1]->text("target"), folder_ + "/app.so");
}

TEST_F(SiteTest, WhatABrokenOneWroteIsToldInDevModeOnly) {
  write("broken", "broken.so");
  SiteConfig broken = config("broken.so");
  for (bool dev : {true, false}) {
    broken.app->dev = dev;
    site_->replace(broken, "");
    wait_until("it is broken", [&] { return site_->state() == "broken"; });
    EXPECT_EQ(site_->reason(), "cannot import broken.so");
    EXPECT_EQ(site_->log(), dev ? "Traceback: the application is broken\n" : "");
  }
  site_->replace(config(), "");
  wait_until("it serves", [&] { return site_->state() == "serving"; });
  EXPECT_EQ(site_->reason() + site_->log(), "");
}

TEST_F(SiteTest, APauseHasTwoHolders) {
  site_->pause(Site::PausedBy::user);
  site_->pause(Site::PausedBy::database);
  site_->resume(Site::PausedBy::database);
  EXPECT_EQ(site_->state(), "paused");
  site_->resume(Site::PausedBy::user);
  EXPECT_EQ(site_->state(), "serving");
}

}  // namespace
}  // namespace trimaran
