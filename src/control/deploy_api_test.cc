// The questions about releases as text: what is refused before anything begins, and what travels back.
#include "control/deploy_api.h"

#include <gtest/gtest.h>

#include "supervisor/log_pump.h"

namespace trimaran {
namespace {

// A site without an application that is never deployed to.
class EmptyHost final : public DeployHost {
 public:
  EmptyHost() {
    SiteConfig site;
    site.domain = "foobar.com";
    site.state_dir = "/nowhere";
    config_.sites = {site, site};
    config_.sites[1].domain = "other.com";
  }
  const Config& config() const override { return config_; }
  Site* site(const std::string&) override { return nullptr; }
  std::string database_of(const SiteConfig&) const override { return ""; }
  Result<Config> config_with(const std::string&, const std::string&) const override { return config_; }
  Status put_in_force(const std::string&, const std::string&) override { return {}; }
  void when_applied(std::function<void()>) override {}
  void when_shared(std::function<void()>) override {}
  Result<release::Ownership> owner_of(const SiteConfig&) const override { return make_error("nobody"); }
  Status may_deploy(const SiteConfig&) const override { return {}; }

 private:
  Config config_;
};

class DeployApiTest : public testing::Test {
 protected:
  std::string refusal(std::string_view path, std::string_view query) {
    Status begun = begin_change(deployer_, path, query, {});
    return begun ? "" : begun.error().message;
  }

  EventLoop loop_;
  LogSink log_{2};
  Runtime runtime_{loop_, log_, "/bin/true", current_user(), std::nullopt};
  EmptyHost host_;
  Deployer deployer_{runtime_, host_};
};

TEST(ReadCanary, TakesAShareOfTheRequestsAndNothingElse) {
  EXPECT_EQ(read_canary("1").value_or(0), 1);
  EXPECT_EQ(read_canary("99%").value_or(0), 99);
  for (const char* nonsense : {"", "%", "0%", "100%", "500%", "-5", "abc", "10%%", "10 %", "1e1"}) {
    auto percent = read_canary(nonsense);
    ASSERT_FALSE(percent) << nonsense;
    EXPECT_EQ(percent.error().message, "--canary takes 1% to 99%, not \"" + std::string(nonsense) + "\"");
  }
}

TEST_F(DeployApiTest, WhatIsNoRequestIsRefusedBeforeAnythingBegins) {
  EXPECT_EQ(refusal("/deploy", "source=shop&site=foobar.com"), "source: expected an absolute path");
  EXPECT_EQ(refusal("/deploy", "source=%zz&site=foobar.com"), "source: expected an absolute path");
  for (const char* canary : {"0", "100%25", "ten", "-5", "10%25%25"}) {
    EXPECT_NE(refusal("/deploy", "source=/a&site=foobar.com&canary=" + std::string(canary)).find("takes 1% to 99%"),
              std::string::npos)
        << canary;
  }
  EXPECT_NE(refusal("/deploy", "source=/a&site=foobar.com&canary=10%25").find("has no application"), std::string::npos);
  EXPECT_EQ(refusal("/deploy", "source=/a"), "which site? name it with --site: foobar.com, other.com");
  EXPECT_EQ(refusal("/rollback", "site=third.com"), "there is no site third.com; there is: foobar.com, other.com");
  EXPECT_EQ(refusal("/rollback", "site=foobar.com"), "nothing was deployed yet");
  EXPECT_NE(refusal("/promote", "site=other.com").find("has no canary"), std::string::npos);
}

TEST_F(DeployApiTest, AListOfNothingSaysSo) {
  ControlAnswer answer = answer_releases(deployer_, "site=foobar.com");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(*releases_text(answer.json), "nothing was deployed yet: the site is served from its own folder\n");
  EXPECT_EQ(answer_releases(deployer_, "").status, 409);
}

TEST(DeployLines, ComeBackAsTheyWereSaid) {
  auto step = read_change_line(said_line("  naïve \"quotes\"\x01 and \xff"));
  ASSERT_TRUE(step);
  EXPECT_FALSE(step->exit_code);
  EXPECT_TRUE(step->text.starts_with("  naïve \"quotes\"\x01 and ")) << step->text;
  auto end = read_change_line(outcome_line({1, "no"}));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 1);
  EXPECT_EQ(end->text, "no");
  for (const char* other : {"", "{}", "[]", "{\"message\": \"x\"}", "{\"message\": 1, \"exit_code\": 0}"})
    EXPECT_FALSE(read_change_line(other)) << other;
}

TEST(ReleasesText, IsATable) {
  auto text = releases_text(R"({"releases": [{"release": "20261122-140501-1a2b", "state": "serving", "bytes": 1893412,
                                              "source": "/home/me/shop"}]})");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("20261122-140501-1a2b  serving          1.9 MB  /home/me/shop\n"), std::string::npos) << *text;
  EXPECT_FALSE(releases_text("{}"));
  EXPECT_FALSE(releases_text("{\"releases\": [{}]}"));
}

}  // namespace
}  // namespace trimaran
