// Deploys through a whole supervisor whose children are stand-ins (fake_role.py): what each step decides, what the
// front is told, and what a failure leaves. The real application and real visitors are tests/e2e/test_deploy.py's.
#include "supervisor/deploy.h"

#include "release/current.h"
#include "supervisor/testing.h"

namespace trimaran {
namespace {

namespace fs = std::filesystem;

class DeployTest : public SupervisorTest {
 protected:
  void SetUp() override {
    SupervisorTest::SetUp();
    write_source("good");
  }

  std::string source() const { return folder_ + "/source"; }
  void write_source(const std::string& app) {
    fs::create_directories(source());
    ASSERT_TRUE(write_file(source() + "/app.so", app));
  }
  void start_serving(const std::string& deploy = "", const std::string& app = "run = \"native:app.so\"\nworkers = 2") {
    write_site(app, deploy.empty() ? "" : "[deploy]\n" + deploy + "\n");
    ASSERT_EQ(start_error(), "");
    wait_for_state("serving");
  }

  // One who asks: what was said, and how it ended.
  struct Client {
    std::string said;
    std::optional<DeployOutcome> outcome;
    DeployListener listener() {
      return {[this](std::string_view text) { said.append(text).append("\n"); },
              [this](const DeployOutcome& o) { outcome = o; }};
    }
  };
  DeployOutcome wait(Client& client, const Status& begun) {
    if (!begun) return {1, begun.error().message};
    wait_until("the change was over", [&] { return client.outcome.has_value(); });
    DeployOutcome outcome = client.outcome.value_or(DeployOutcome{1, "never"});
    EXPECT_EQ(client.said.find(outcome.text), std::string::npos) << "the outcome is no step: " << client.said;
    return outcome;
  }
  DeployOutcome deploy(int canary = 0) {
    client_ = {};
    return wait(client_, supervisor_->deployer().deploy({"", source(), canary}, client_.listener()));
  }
  DeployOutcome roll_back(const std::string& id = "") {
    client_ = {};
    return wait(client_, supervisor_->deployer().roll_back("", id, client_.listener()));
  }
  DeployOutcome promote() {
    client_ = {};
    return wait(client_, supervisor_->deployer().promote("", client_.listener()));
  }
  // The site file has another site from now on.
  void rename_site() {
    std::string text = read_file(site_file()).value_or("");
    ASSERT_TRUE(write_file(site_file(), text.replace(text.find("foobar.com"), 10, "foobar.org")));
  }
  std::vector<ReleaseReport> releases() { return *supervisor_->deployer().releases(""); }
  const SiteConfig& site() const { return supervisor_->config().sites.front(); }
  std::string store() const { return site().state_dir + "/releases"; }
  std::string current() const { return read_file(store() + "/current").value_or(""); }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(store())) out.insert(entry.path().filename());
    return out;
  }
  std::string shares() {
    std::string out;
    const Report report = supervisor_->report();
    for (const GenerationReport& g : report.sites.front().generations) {
      if (g.share > 0) out += g.part + "=" + std::to_string(g.share) + " ";
    }
    return out;
  }

  Client client_;
};

TEST_F(DeployTest, AReleaseTakesOverAndIsWhatAStartServes) {
  start_serving();
  EXPECT_TRUE(releases().empty());
  DeployOutcome outcome = deploy();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  ASSERT_EQ(releases().size(), 1u);
  const release::Release release = releases().front().release;
  EXPECT_EQ(outcome.text, "release " + release.id + " serves");
  EXPECT_EQ(releases().front().state, "serving");
  EXPECT_EQ(site().release, release.folder);
  EXPECT_EQ(site().app->target, release.folder + "/app.so");
  EXPECT_EQ(current(), release.id + "\n");
  EXPECT_EQ(shares(), "current=100 ");
  for (const char* step :
       {"copying ", ": 1 files", "starting the first worker", "the first worker serves", "all workers serve"}) {
    EXPECT_NE(client_.said.find(step), std::string::npos) << step << " in " << client_.said;
  }
  SourceBundle sources = *read_sources(site_file(), false);
  EXPECT_TRUE(release::add_current_releases(sources).empty());
  EXPECT_EQ(sources.releases.at("foobar.com"), release.folder);
}

TEST_F(DeployTest, ASiteMayBeginWithItsFirstDeploy) {
  std::filesystem::remove(folder_ + "/app.so");
  write_site("run = \"native:app.so\"\nworkers = 2", "[deploy]\n");
  ASSERT_EQ(start_error(), "");
  wait_for_state("degraded");
  SiteReport waiting = supervisor_->report().sites.front();
  EXPECT_EQ(waiting.app_state + ": " + waiting.app_reason, "broken: nothing was deployed yet");
  EXPECT_EQ(reload_and_wait().exit_code, 0) << "it waits on";
  write_source("broken");
  DeployOutcome broken = deploy();
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_NE(broken.text.find("the site still waits for its first deploy"), std::string::npos) << broken.text;
  write_source("good");
  DeployOutcome good = deploy();
  EXPECT_EQ(good.exit_code, 0) << good.text;
  wait_for_state("serving");
  EXPECT_EQ(shares(), "current=100 ");
  DeployOutcome back = roll_back();
  EXPECT_EQ(back.exit_code, 1);
  EXPECT_NE(back.text.find("there was nothing to serve before the first deploy"), std::string::npos) << back.text;
  EXPECT_EQ(site().release, releases().front().release.folder);
}

TEST_F(DeployTest, WhatASiteAwaitsMayBePutThereByHand) {
  std::filesystem::remove(folder_ + "/app.so");
  write_site("run = \"native:app.so\"\nworkers = 2", "[deploy]\n");
  ASSERT_EQ(start_error(), "");
  wait_for_state("degraded");
  write_app("good");
  EXPECT_EQ(reload_and_wait().exit_code, 0);
  wait_for_state("serving");
}

TEST_F(DeployTest, AReloadTakesNoSiteBackToBeforeItsFirstDeploy) {
  start_serving("keep = 2");
  std::string text = read_file(site_file()).value_or("");
  ASSERT_TRUE(write_file(site_file(), text.replace(text.find("app.so"), 6, "ap.so")));
  ReloadOutcome outcome = supervisor_->reload();
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.text.find("error: run: "), std::string::npos) << outcome.text;
  EXPECT_EQ(supervisor_->report().state, "serving");
}

TEST_F(DeployTest, OneWorkerIsAllOfThem) {
  start_serving("", "run = \"native:app.so\"\nworkers = 1");
  DeployOutcome outcome = deploy();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
}

TEST_F(DeployTest, ABrokenReleaseLeavesNothingAndSaysWhy) {
  start_serving();
  ASSERT_EQ(deploy().exit_code, 0);
  std::string good = releases().front().release.id;
  write_source("broken");
  DeployOutcome outcome = deploy();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.text.find("cannot import app.so"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("release " + good + " still serves"), std::string::npos) << outcome.text;
  EXPECT_NE(client_.said.find("  Traceback: the application is broken"), std::string::npos) << client_.said;
  EXPECT_EQ(names(), (std::set<std::string>{good, good + ".card", "current"}));
  EXPECT_EQ(site().release, store() + "/" + good);
  write_source("good again");
  EXPECT_EQ(deploy().exit_code, 0) << "the next one works";
}

TEST_F(DeployTest, ADeployHealsABrokenApplication) {
  write_app("broken");
  write_site("run = \"native:app.so\"\nworkers = 2");
  ASSERT_EQ(start_error(), "");
  wait_for_state("degraded");
  EXPECT_EQ(deploy().exit_code, 0) << client_.said;
  wait_for_state("serving");
}

TEST_F(DeployTest, HooksRunInTheNewFolderAndTheirFailureEndsIt) {
  start_serving(
      "prepare = \"echo preparing $TRIMARAN_RELEASE; cp app.so prepared\"\n"
      "before_switch = \"test -f prepared && echo migrating $DATABASE_URL\"");
  EXPECT_EQ(deploy().exit_code, 0) << client_.said;
  std::string id = releases().front().release.id;
  EXPECT_NE(client_.said.find("  preparing " + id), std::string::npos) << client_.said;
  EXPECT_NE(client_.said.find("  migrating sqlite:"), std::string::npos) << client_.said;
  EXPECT_LT(client_.said.find("the first worker serves"), client_.said.find("  migrating")) << client_.said;
  EXPECT_FALSE(fs::exists(source() + "/prepared"));
}

TEST_F(DeployTest, AHookThatFailsOrHangsEndsTheDeploy) {
  for (const std::string hook : {"prepare = \"echo no network >&2; exit 3\"\nhook_timeout = \"60s\"",
                                 "before_switch = \"sleep 60\"\nhook_timeout = \"1s\""}) {
    start_serving(hook);
    DeployOutcome outcome = deploy();
    EXPECT_EQ(outcome.exit_code, 1);
    bool hangs = hook.starts_with("before_switch");
    EXPECT_NE(outcome.text.find(hangs ? "did not end in time ([deploy] hook_timeout is 1s)" : "exited with status 3"),
              std::string::npos)
        << outcome.text;
    EXPECT_NE(outcome.text.find("the site's own folder still serves"), std::string::npos) << outcome.text;
    EXPECT_TRUE(names().empty());
    EXPECT_EQ(shares(), "current=100 ");
    supervisor_->stop();
    wait_until("stopped", [&] { return stopped_; });
  }
}

TEST_F(DeployTest, OnlyOneChangeAtATime) {
  start_serving("prepare = \"while ! test -f go; do sleep 0.02; done\"");
  Client first, second;
  ASSERT_TRUE(supervisor_->deployer().deploy({"", source(), 0}, first.listener()));
  wait_until("the hook runs", [&] { return first.said.find("running prepare") != std::string::npos; });
  DeployOutcome refused = wait(second, supervisor_->deployer().deploy({"", source(), 0}, second.listener()));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.text.find("foobar.com is being changed already: running prepare"), std::string::npos);
  for (const auto& name : names()) {
    ASSERT_TRUE(write_file(store() + "/" + name + "/go", ""));
  }
  EXPECT_EQ(wait(first, {}).exit_code, 0);
}

TEST_F(DeployTest, ARollbackToWarmWorkersStartsNone) {
  start_serving();
  ASSERT_EQ(deploy().exit_code, 0);
  ASSERT_EQ(deploy().exit_code, 0);
  auto before = releases();
  EXPECT_EQ(before[0].state, "serving");
  EXPECT_EQ(before[1].state, "warm");
  int first_pid = service("app foobar.com/1").pid;
  DeployOutcome outcome = roll_back();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  EXPECT_NE(outcome.text.find("its workers were warm"), std::string::npos) << outcome.text;
  EXPECT_EQ(current(), before[1].release.id + "\n");
  EXPECT_EQ(site().release, before[1].release.folder);
  EXPECT_EQ(releases()[0].state, "warm");
  EXPECT_NE(first_pid, 0);
  EXPECT_EQ(roll_back(before[0].release.id).exit_code, 0) << "and forward again";
  EXPECT_EQ(releases()[0].state, "serving");
}

TEST_F(DeployTest, AColdRollbackProvesTheReleaseAgain) {
  start_serving("warm = \"0s\"");
  ASSERT_EQ(deploy().exit_code, 0);
  ASSERT_EQ(deploy().exit_code, 0);
  auto before = releases();
  EXPECT_EQ(before[1].state, "");
  ASSERT_TRUE(write_file(before[1].release.folder + "/app.so", "broken by now"));
  EXPECT_EQ(roll_back().exit_code, 1);
  EXPECT_EQ(site().release, before[0].release.folder);
  EXPECT_TRUE(fs::exists(before[1].release.folder)) << "a rollback that fails removes nothing";
  ASSERT_TRUE(write_file(before[1].release.folder + "/app.so", "good"));
  EXPECT_EQ(roll_back().exit_code, 0) << client_.said;
  EXPECT_EQ(site().release, before[1].release.folder);
  EXPECT_EQ(roll_back().exit_code, 0) << "back to before the first deploy";
  EXPECT_EQ(site().release, "");
  EXPECT_FALSE(fs::exists(store() + "/current"));
  EXPECT_EQ(roll_back().text,
            "the site's own folder serves, and there is nothing behind it; trimaran rollback RELEASE goes to one that "
            "trimaran releases lists");
  EXPECT_NE(roll_back("20200101-000000-0000").text.find("there is no release"), std::string::npos);
  EXPECT_NE(roll_back("../../etc").text.find("there is no release"), std::string::npos);
}

TEST_F(DeployTest, ACanaryHasItsShareUntilItIsPromotedOrAbandoned) {
  start_serving();
  EXPECT_NE(promote().text.find("has no canary"), std::string::npos);
  ASSERT_EQ(deploy().exit_code, 0);
  std::string stable = releases().front().release.id;

  DeployOutcome outcome = deploy(10);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.text.find("gets 10 % of the requests"), std::string::npos) << outcome.text;
  EXPECT_EQ(releases().front().state, "canary 10 %");
  EXPECT_EQ(shares(), "current=90 canary=10 ");
  EXPECT_EQ(current(), stable + "\n");
  EXPECT_NE(deploy().text.find("is being changed already"), std::string::npos);
  EXPECT_EQ(roll_back().exit_code, 0);
  EXPECT_EQ(shares(), "current=100 ");
  EXPECT_EQ(site().release, store() + "/" + stable);

  ASSERT_EQ(deploy(50).exit_code, 0);
  EXPECT_EQ(promote().exit_code, 0);
  EXPECT_EQ(releases().front().state, "serving");
  EXPECT_EQ(shares(), "current=100 ");
}

// The front does not acknowledge shares. Once nobody waited longer than `status` does for its numbers: on a busy
// machine the verb was back, and the canary still answered.
TEST_F(DeployTest, ACanaryThatIsRolledBackGetsNoMoreRequestsOnceThatIsSaid) {
  start_serving();
  ASSERT_EQ(deploy(10).exit_code, 0);
  ASSERT_TRUE(write_file(folder_ + "/bin/stop-shares", ""));
  pid_t front = service("front").pid;
  Client client;
  ASSERT_TRUE(supervisor_->deployer().roll_back("", "", client.listener()));
  wait_until("the front has stopped before it goes by its new shares", [&] {
    auto stat = read_file("/proc/" + std::to_string(front) + "/stat");
    return stat && stat->find(") T ") != std::string::npos;
  });
  for (Millis end = monotonic_ms() + 3 * Supervisor::kCountersMs; monotonic_ms() < end;) loop_.run_once(20);
  EXPECT_FALSE(client.outcome);
  fs::remove(folder_ + "/bin/stop-shares");
  ::kill(front, SIGCONT);
  EXPECT_NE(wait(client, {}).text.find("gets no more requests"), std::string::npos);
}

TEST_F(DeployTest, AnUpgradeIsRefusedDuringACanaryAndSaysWhatEndsIt) {
  start_serving();
  ASSERT_EQ(deploy(10).exit_code, 0);
  ReloadOutcome outcome;
  supervisor_->upgrade("/nowhere", [&](const ReloadOutcome& said) { outcome = said; });
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.text,
            "a canary of foobar.com gets 10 % of the requests; end it first: trimaran promote or trimaran rollback");
}

TEST_F(DeployTest, OldReleasesGo) {
  start_serving("keep = 2\nwarm = \"0s\"");
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(deploy().exit_code, 0);
    wait_until("the old one has ended, which is kept until then",
               [&] { return supervisor_->report().sites.front().generations.size() == 1; });
  }
  EXPECT_EQ(releases().size(), 2u);
}

TEST_F(DeployTest, AReloadKeepsWhatIsDeployed) {
  start_serving();
  ASSERT_EQ(deploy().exit_code, 0);
  int pid = service("app foobar.com/1").pid;
  EXPECT_EQ(reload_and_wait().exit_code, 0);
  EXPECT_EQ(site().release, releases().front().release.folder);
  EXPECT_EQ(service("app foobar.com/1").pid, pid);
}

TEST_F(DeployTest, AStopInTheMiddleAnswersAndLeavesTheOldRelease) {
  start_serving("prepare = \"sleep 60\"");
  Client client;
  ASSERT_TRUE(supervisor_->deployer().deploy({"", source(), 0}, client.listener()));
  wait_until("the hook runs", [&] { return client.said.find("running prepare") != std::string::npos; });
  supervisor_->stop();
  ASSERT_TRUE(client.outcome);
  EXPECT_EQ(client.outcome->text, "trimaran is stopping");
  wait_until("stopped", [&] { return stopped_; });
  SourceBundle sources = *read_sources(site_file(), false);
  EXPECT_TRUE(release::add_current_releases(sources).empty());
  EXPECT_TRUE(sources.releases.empty());
}

// In one round: the site of a canary goes, and whoever began it is told so only after the round.
TEST_F(DeployTest, ACanaryWhoseSiteIsRemovedIsForgottenAfterItHasHeardOfIt) {
  start_serving();
  ASSERT_EQ(deploy(10).exit_code, 0);
  rename_site();
  supervisor_->pause("", true);  // the round after this one is wanted already
  ReloadOutcome outcome = supervisor_->reload();
  ASSERT_TRUE(outcome.in_force) << outcome.text;
  wait_until("the site is gone", [&] { return service("app foobar.com/1").name.empty(); });
}

TEST_F(DeployTest, AStopInTheRoundInWhichACanaryFailsIsNoAccident) {
  start_serving();
  ASSERT_EQ(deploy(10).exit_code, 0);
  rename_site();
  ReloadOutcome outcome = supervisor_->reload();
  ASSERT_TRUE(outcome.in_force) << outcome.text;
  supervisor_->stop();
  wait_until("stopped", [&] { return stopped_; });
}

TEST_F(DeployTest, ADamagedCurrentMeansTheNewestGoodRelease) {
  start_serving();
  ASSERT_EQ(deploy().exit_code, 0);
  std::string id = releases().front().release.id;
  ASSERT_TRUE(write_file(store() + "/current", "\x01\x02"));
  SourceBundle sources = *read_sources(site_file(), false);
  auto said = release::add_current_releases(sources);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("is damaged: it names no release; release " + id + ", the newest good one, serves instead"),
            std::string::npos)
      << said[0];
  EXPECT_EQ(sources.releases.at("foobar.com"), store() + "/" + id);
  fs::remove_all(store() + "/" + id);
  sources.releases.clear();
  EXPECT_NE(release::add_current_releases(sources).at(0).find("the site's own folder serves instead"),
            std::string::npos);
}

TEST_F(DeployTest, WhatCannotBeDeployedIsSaid) {
  start_serving();
  client_ = {};
  DeployOutcome outcome =
      wait(client_, supervisor_->deployer().deploy({"", folder_ + "/missing", 0}, client_.listener()));
  EXPECT_NE(outcome.text.find("/missing: No such file or directory; the site's own folder still serves"),
            std::string::npos)
      << outcome.text;
  EXPECT_NE(supervisor_->deployer().deploy({"other.com", source(), 0}, {}).error().message.find("there is: foobar.com"),
            std::string::npos);
  // The configuration names what the release does not have.
  fs::remove(source() + "/app.so");
  ASSERT_TRUE(write_file(source() + "/README", ""));
  outcome = deploy();
  EXPECT_NE(outcome.text.find("app.so does not exist"), std::string::npos) << outcome.text;
  EXPECT_TRUE(outcome.text.ends_with("^\nthe site's own folder still serves")) << outcome.text;
  EXPECT_TRUE(names().empty());
}

TEST_F(DeployTest, ASiteOfAbsolutePathsIsRefusedInsteadOfServingTheOldOne) {
  start_serving("", "run = \"native:" + folder_ + "/app.so\"");
  DeployOutcome outcome = deploy();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.text.find("nothing of foobar.com would come from a release:\n"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("error: run: " + folder_ + "/app.so is absolute"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("trimaran.toml:"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("write it relative to the folder that is deployed"), std::string::npos) << outcome.text;
  EXPECT_EQ(client_.said, "") << "nothing was begun";
}

}  // namespace
}  // namespace trimaran
