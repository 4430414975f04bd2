#include "strict/expectation.h"

#include <gtest/gtest.h>

namespace trimaran::strict {
namespace {

bool right(const Expectation& expectation, std::string_view body, size_t piece = 3, Values values = {}) {
  Check check;
  check.start(expectation, values);
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size()))) check.feed(body.substr(0, piece));
  return check.body_right();
}

TEST(Expectation, TheCrcIsThatOfZlib) { EXPECT_EQ(crc32("123456789"), 0xcbf43926u); }

TEST(Expectation, FillsInWhatIsTheRequestsOwn) {
  EXPECT_EQ(fill_in("/a?id={id}&{id} {length} {crc32} {other}", {7, 3, 99}), "/a?id=7&7 3 99 {other}");
}

TEST(Expectation, ABodyMustBeTheSameToTheLastByte) {
  Expectation e;
  e.body = "hello {id}";
  EXPECT_TRUE(right(e, "hello 12", 3, {12}));
  EXPECT_TRUE(right(e, "hello 12", 100, {12}));
  EXPECT_FALSE(right(e, "hello 13", 3, {12})) << "the answer of another request";
  EXPECT_FALSE(right(e, "hello 1", 3, {12}));
  EXPECT_FALSE(right(e, "hello 123", 3, {12}));
  EXPECT_FALSE(right(e, "", 3, {12}));
}

TEST(Expectation, AnExpectedEmptyBodyIsEmpty) {
  Expectation e;
  e.body = "";
  EXPECT_TRUE(right(e, ""));
  EXPECT_FALSE(right(e, "x"));
}

TEST(Expectation, PrefixLengthAndPattern) {
  Expectation e;
  e.prefix = "he";
  e.length = 5;
  e.pattern = std::regex("l+o");
  EXPECT_TRUE(right(e, "hello"));
  EXPECT_FALSE(right(e, "hallo"));
  EXPECT_FALSE(right(e, "helloo"));
  EXPECT_FALSE(right(e, "heaao"));
}

TEST(Expectation, APatternIsNotSearchedInABodyBeyondItsLimit) {
  Expectation e;
  e.pattern = std::regex("^x");
  EXPECT_TRUE(right(e, std::string(Expectation::kPatternBodyMax, 'x'), 65536));
  EXPECT_FALSE(right(e, std::string(Expectation::kPatternBodyMax + 1, 'x'), 65536));
}

TEST(Expectation, OnlyTheNamedStatusesAreRight) {
  Expectation e;
  e.statuses = {200, 404};
  Check check;
  check.start(e, {});
  EXPECT_TRUE(check.status_right(404));
  EXPECT_FALSE(check.status_right(500));
}

}  // namespace
}  // namespace trimaran::strict
