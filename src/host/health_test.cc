#include "host/health.h"

#include <gtest/gtest.h>

namespace trimaran::host {
namespace {

class HealthTest : public testing::Test {
 protected:
  // "" when healthy.
  std::string check(std::string_view path) {
    Status status = check_health(application_, path, "foobar.com");
    return status ? "" : status.error().message;
  }

  Application application_{""};
  App app_{application_};
};

TEST_F(HealthTest, AnAnswerBelow400IsHealthy) {
  app_.get("/healthz", [](Request& request) {
    bool good = request.query("deep") == "1" && request.host() == "foobar.com" && request.method() == "GET";
    return Response::text("x", good ? 200 : 500);
  });
  app_.get("/moved", [](Request&) { return Response::text("", 302); });
  EXPECT_EQ(check("/healthz?deep=1"), "");
  EXPECT_EQ(check("/moved"), "");
}

TEST_F(HealthTest, EverythingElseIsNotAndSaysWhy) {
  app_.get("/sick", [](Request&) { return Response::text("database unavailable", 503); });
  app_.get("/throws", [](Request&) -> Response { throw std::runtime_error("no soup"); });
  app_.get("/breaks",
           [](Request&) { return Response::stream([](Writer&) { throw std::runtime_error("the source dried up"); }); });
  EXPECT_EQ(check("/sick"), "the health check /sick answered 503");
  EXPECT_EQ(check("/throws"), "the health check /throws answered 500");
  EXPECT_EQ(check("/nowhere"), "the health check /nowhere answered 404");
  EXPECT_EQ(check("/breaks"), "the health check /breaks failed: the source dried up");
}

}  // namespace
}  // namespace trimaran::host
