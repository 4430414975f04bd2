#include "strict/results.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "os/fd.h"

namespace trimaran::strict {
namespace {

Record ok(int64_t intended_us, int64_t done_us) { return {1, intended_us, done_us, Outcome::ok, 200, ""}; }

TEST(Results, AttemptedIsSucceededPlusFailedByReason) {
  Results r;
  r.begin(0);
  r.add(ok(0, 1000));
  r.add({2, 0, 10, Outcome::status, 502, ""});
  r.add({3, 0, 10, Outcome::closed_reused, 0, ""});
  r.idle_close();
  r.end(2000);
  auto json = nlohmann::json::parse(r.json());
  EXPECT_EQ(json["attempted"], 3);
  EXPECT_EQ(json["succeeded"], 1);
  EXPECT_EQ(json["failed"], 2);
  EXPECT_EQ(json["failures"], nlohmann::json({{"status", 1}, {"closed_reused", 1}}));
  EXPECT_EQ(json["statuses"], nlohmann::json({{"200", 1}, {"502", 1}}));
  EXPECT_EQ(json["idle_closes"], 1);
  EXPECT_NE(r.human().find("2 failed of 3 (1 closed_reused, 1 status), 1 idle closes"), std::string::npos);
}

TEST(Results, TheLatencyBeginsWhenTheRequestWasDue) {
  Results r;
  r.begin(0);
  for (int i = 1; i <= 100; ++i) r.add(ok(0, i * 1000));
  EXPECT_EQ(r.latency_us(0.5), 50'000u);
  EXPECT_EQ(r.latency_us(0.99), 99'000u);
  EXPECT_EQ(r.latency_us(1), 100'000u);
}

TEST(Results, TheLongestGapIsBetweenGoodAnswersAndIncludesBothEnds) {
  Results r;
  r.begin(0);
  r.add(ok(0, 1000));
  r.add({2, 0, 2000, Outcome::timeout, 0, ""});
  r.add(ok(0, 4000));
  r.end(5000);
  EXPECT_EQ(r.longest_gap_us(), 3000);
  Results dead;
  dead.begin(0);
  dead.add(ok(0, 1000));
  dead.end(9000);
  EXPECT_EQ(dead.longest_gap_us(), 8000);
}

TEST(Results, TheTimelineHasALineForEachRequest) {
  std::string path = "/tmp/strict-timeline-" + std::to_string(::getpid());
  {
    Results r;
    ASSERT_TRUE(r.open_timeline(path));
    r.add({7, 10, 20, Outcome::body, 200, "a\nb"});
  }
  EXPECT_EQ(read_file(path).value(),
            "id\tintended_us\tdone_us\toutcome\tstatus\tbody\n7\t10\t20\tbody\t200\ta\\x0ab\n");
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace trimaran::strict
