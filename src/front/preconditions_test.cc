#include "front/preconditions.h"

#include <gtest/gtest.h>

namespace trimaran::front {
namespace {

constexpr std::string_view kTag = "\"a-1\"";
constexpr int64_t kModified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr const char* kSame = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";

Precondition evaluate(std::vector<http::HeaderView> headers) {
  http::RequestHead request;
  request.headers = std::move(headers);
  return evaluate_preconditions(find_conditional_fields(request), kTag, kModified);
}

TEST(Preconditions, OneFieldAlone) {
  EXPECT_EQ(evaluate({}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-Match", "*"}}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-Match", "\"x\", \"a-1\""}}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-Match", "W/\"a-1\""}}), Precondition::failed) << "the strong comparison";
  EXPECT_EQ(evaluate({{"If-None-Match", "W/\"a-1\""}}), Precondition::not_modified) << "the weak comparison";
  EXPECT_EQ(evaluate({{"If-None-Match", "*"}}), Precondition::not_modified);
  EXPECT_EQ(evaluate({{"if-none-match", "\"x,\", \"y\""}}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-Modified-Since", kSame}}), Precondition::not_modified);
  EXPECT_EQ(evaluate({{"If-Modified-Since", kBefore}}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-Modified-Since", "yesterday"}}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-Unmodified-Since", kSame}}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-Unmodified-Since", kBefore}}), Precondition::failed);
}

TEST(Preconditions, TheOrderOfTheRfc) {
  EXPECT_EQ(evaluate({{"If-Match", kTag}, {"If-Unmodified-Since", kBefore}}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-None-Match", "\"x\""}, {"If-Modified-Since", kSame}}), Precondition::proceed);
  EXPECT_EQ(evaluate({{"If-None-Match", kTag}, {"If-Match", "\"x\""}}), Precondition::failed);
}

TEST(Preconditions, IfRangeIsStrong) {
  EXPECT_TRUE(if_range_matches(kTag, kTag, kSame));
  EXPECT_FALSE(if_range_matches("W/\"a-1\"", kTag, kSame));
  EXPECT_TRUE(if_range_matches(kSame, kTag, kSame));
  EXPECT_FALSE(if_range_matches(kBefore, kTag, kSame));
}

}  // namespace
}  // namespace trimaran::front
