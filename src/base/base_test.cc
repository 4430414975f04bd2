#include <gtest/gtest.h>

#include "base/diagnostic.h"
#include "base/strings.h"
#include "base/time.h"

namespace trimaran {

TEST(Strings, NumbersAreStrict) {
  EXPECT_EQ(parse_u64("0"), 0u);
  EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(parse_u64("18446744073709551616"));
  EXPECT_FALSE(parse_u64("+1"));
  EXPECT_FALSE(parse_u64(" 1"));
  EXPECT_FALSE(parse_u64(""));
}

TEST(Strings, PercentDecodingRefusesHalfEscapes) {
  EXPECT_EQ(percent_decode("/a%20b%2f"), "/a b/");
  EXPECT_EQ(percent_decode("%41"), "A");
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%4"));
  EXPECT_FALSE(percent_decode("%4g"));
  EXPECT_EQ(percent_encode("/a b/~ü?"), "/a%20b/~%C3%BC%3F");
}

TEST(Strings, NobodyForgesALogLine) { EXPECT_EQ(escape_for_log("a\"b\nc\x7f"), "a\\\"b\\x0ac\\x7f"); }

TEST(Time, AllThreeFormsOfAnHttpDate) {
  constexpr int64_t kExample = 784111777;  // the example of RFC 9110 section 5.6.7
  EXPECT_EQ(http_date(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), kExample);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), kExample);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), kExample);
  EXPECT_FALSE(parse_http_date("yesterday"));
  EXPECT_FALSE(parse_http_date("Sun, 06 Nov 1994 25:49:37 GMT"));
}

TEST(Diagnostic, SuggestsTheNearWordAndShowsThePlace) {
  EXPECT_EQ(nearest_word("interpeter", {"run", "interpreter", "workers"}), "interpreter");
  EXPECT_EQ(nearest_word("zebra", {"run", "interpreter"}), "");
  EXPECT_EQ(nearest_word("stat", {"stop", "status"}), "status");
  Diagnostic d{"trimaran.toml", 9, 3, "unknown key \"x\" in [app]", "did you mean \"y\"?"};
  EXPECT_EQ(format_diagnostic(d, "  x = 1"),
            "trimaran.toml:9:3: error: unknown key \"x\" in [app]; did you mean \"y\"?\n"
            "    9 |   x = 1\n"
            "      |   ^\n");
}

}  // namespace trimaran
