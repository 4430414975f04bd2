#include "front/ranges.h"

#include <gtest/gtest.h>

namespace trimaran::front {
namespace {

using Kind = Range::Kind;

void expect(std::string_view value, Kind kind, int64_t first = 0, int64_t length = 0) {
  Range range = parse_range(value, 10);
  EXPECT_EQ(range.kind, kind) << value;
  EXPECT_EQ(range.first, first) << value;
  EXPECT_EQ(range.length, length) << value;
}

TEST(Ranges, OneRangeIsServed) {
  expect("bytes=0-0", Kind::part, 0, 1);
  expect("bytes=2-4", Kind::part, 2, 3);
  expect("bytes=5-", Kind::part, 5, 5);
  expect("bytes=-3", Kind::part, 7, 3);
  expect("bytes=-99", Kind::part, 0, 10);
  expect("Bytes=8-18446744073709551615", Kind::part, 8, 2);
  expect("bytes=8-99999999999999999999", Kind::part, 8, 2);
  expect("bytes=-99999999999999999999", Kind::part, 0, 10);
}

TEST(Ranges, OutsideTheFileIsUnsatisfiable) {
  expect("bytes=10-", Kind::unsatisfiable);
  expect("bytes=99999999999999999999-", Kind::unsatisfiable);
  expect("bytes=-0", Kind::unsatisfiable);
  EXPECT_EQ(parse_range("bytes=0-", 0).kind, Kind::unsatisfiable);
  EXPECT_EQ(parse_range("bytes=-5", 0).kind, Kind::unsatisfiable);
}

TEST(Ranges, AnythingElseIsIgnored) {
  for (std::string_view value : {"", "bytes=", "bytes=-", "bytes=a-b", "bytes=4-2", "bytes=0-1,3-4", "lines=1-2",
                                 "bytes=1", "bytes=+1-2", "bytes=99999999999999999999x-"}) {
    expect(value, Kind::whole);
  }
}

}  // namespace
}  // namespace trimaran::front
