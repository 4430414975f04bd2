#include "control/control_api.h"

#include <gtest/gtest.h>

#include "control/report_json.h"

namespace trimaran {
namespace {

using http::Method;

Report sample_report() {
  Report report{.state = "degraded", .pid = 42, .uptime_s = 200, .site_file = "/srv/trimaran.toml", .generation = 2};
  report.services.push_back({"front", "front", 43, "serving", 200, 0, ""});
  report.services.push_back({"app foobar.com/1", "worker", 0, "back-off", 3, 2, "cannot import \"wsgi\""});
  report.services.push_back({"app foobar.com/2", "worker", 0, "stopped", std::nullopt, 0, ""});
  report.listeners.push_back({"http", "127.0.0.1:8080"});
  report.sites.push_back(
      {.domain = "foobar.com",
       .app_state = "broken",
       .app_reason = "cannot import \"wsgi\"",
       .app_target = "wsgi:application",
       .generations = {{3, "current", "broken", "", 90, 2}, {4, "canary", "serving", "/srv/r/v2", 10, 2}},
       .engine = "sqlite",
       .database = "sqlite:////srv/site.db"});
  report.front_json = "{\"requests\": 7}";
  report.nameserver_json = "not json";
  return report;
}

class ControlApiTest : public testing::Test {
 protected:
  ControlApi api_{{.report = sample_report,
                   .reload = [this] { return outcome_; },
                   .stop = [this] { ++stops_; },
                   .pause =
                       [this](const std::string& site, bool paused) {
                         paused_ = (paused ? "pause " : "resume ") + site;
                         return outcome_;
                       }}};
  ReloadOutcome outcome_;
  int stops_ = 0;
  std::string paused_;
};

TEST_F(ControlApiTest, StatusIsTheWholeReport) {
  ControlAnswer answer = api_.handle(Method::get, "/status");
  EXPECT_EQ(answer.status, 200);
  for (const char* part :
       {"\"state\": \"degraded\"", "\"pid\": 42", "\"requests\": 7", "\"nameserver\": {}", "\"pid\": null",
        "\"since_s\": null", "\"reason\": \"cannot import \\\"wsgi\\\"\"", "\"engine\": \"sqlite\""}) {
    EXPECT_NE(answer.json.find(part), std::string::npos) << part << " in " << answer.json;
  }
}

TEST_F(ControlApiTest, AReloadAnswersHowItEnded) {
  outcome_ = {0, "configuration 2 is in force"};
  EXPECT_EQ(api_.handle(Method::post, "/reload").status, 200);
  outcome_ = {2, "trimaran.toml:1:1: error: \"x\"\n"};
  ControlAnswer wrong = api_.handle(Method::post, "/reload");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(json_message(wrong.json), outcome_.text);
  outcome_ = {1, "cannot listen"};
  EXPECT_EQ(api_.handle(Method::post, "/reload").status, 409);
  outcome_ = {1, "the new workers of foobar.com failed", true};
  EXPECT_EQ(api_.handle(Method::post, "/reload").status, 503);
}

TEST_F(ControlApiTest, APauseIsOfOneSiteOrOfAll) {
  EXPECT_EQ(api_.handle(Method::post, "/pause").status, 200);
  EXPECT_EQ(paused_, "pause ");
  EXPECT_EQ(api_.handle(Method::post, "/resume/foobar.com").status, 200);
  EXPECT_EQ(paused_, "resume foobar.com");
  EXPECT_EQ(api_.handle(Method::post, "/pauses").status, 404);
  EXPECT_EQ(api_.handle(Method::get, "/pause/foobar.com").status, 405);
  outcome_ = {1, "no site bar.com has an application"};
  EXPECT_EQ(api_.handle(Method::post, "/pause/bar.com").status, 409);
}

TEST_F(ControlApiTest, StopStopsAndOtherThingsAreRefused) {
  EXPECT_EQ(api_.handle(Method::post, "/stop").status, 202);
  EXPECT_EQ(stops_, 1);
  EXPECT_EQ(api_.handle(Method::get, "/stop").status, 405);
  EXPECT_EQ(api_.handle(Method::post, "/status").status, 405);
  EXPECT_EQ(api_.handle(Method::get, "/").status, 404);
  EXPECT_EQ(stops_, 1);
}

TEST(StatusText, IsATableThatSaysWhatIsWrong) {
  auto status = status_text(report_json(sample_report()), false);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(status->degraded);
  EXPECT_EQ(status->text.find('\x1b'), std::string::npos);
  EXPECT_NE(status->text.find("app foobar.com/1  back-off  3 s    -    2         cannot import \"wsgi\""),
            std::string::npos)
      << status->text;
  EXPECT_NE(status->text.find("app foobar.com/2  stopped   -      -    0\n"), std::string::npos) << status->text;
  EXPECT_NE(status->text.find("foobar.com  broken  sqlite    cannot import \"wsgi\""), std::string::npos)
      << status->text;
  EXPECT_NE(status->text.find("foobar.com  4           canary   v2       serving  2        10 %"), std::string::npos)
      << status->text;
  EXPECT_NE(status->text.find("up 3 min"), std::string::npos) << status->text;
  EXPECT_NE(status_text(report_json(sample_report()), true)->text.find("\x1b[31mback-off\x1b[0m"), std::string::npos);
}

TEST(StatusText, WhatIsNoStatusIsAnError) {
  EXPECT_FALSE(status_text("", false));
  EXPECT_FALSE(status_text("{}", false));
  EXPECT_FALSE(status_text("{\"version\": 1}", false));
}

}  // namespace
}  // namespace trimaran
