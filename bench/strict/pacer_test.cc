#include "strict/pacer.h"

#include <gtest/gtest.h>

namespace trimaran::strict {
namespace {

TEST(Pacer, RequestsAreDueWhateverTheServerDoes) {
  Pacer pacer(1000, 0.003, 0, 500);
  for (int64_t due : {500, 1500, 2500}) {
    EXPECT_EQ(pacer.next_us(1'000'000), due) << "late is late: the time it was due stays";
    pacer.take();
  }
  EXPECT_EQ(pacer.next_us(0), INT64_MAX) << "the time is over";
}

TEST(Pacer, WithoutARateTheNextIsDueNow) {
  Pacer pacer(0, 1, 2, 0);
  EXPECT_EQ(pacer.next_us(77), 77);
  pacer.take();
  EXPECT_EQ(pacer.next_us(999'999), 999'999);
  EXPECT_EQ(pacer.next_us(1'000'000), INT64_MAX);
  pacer.take();
  EXPECT_EQ(pacer.next_us(78), INT64_MAX) << "so many were wanted";
}

TEST(Pacer, CanBeStopped) {
  Pacer pacer(10, 100, 0, 0);
  pacer.stop();
  EXPECT_EQ(pacer.next_us(0), INT64_MAX);
}

}  // namespace
}  // namespace trimaran::strict
