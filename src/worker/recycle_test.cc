#include "worker/recycle.h"

#include <gtest/gtest.h>

namespace trimaran::worker {
namespace {

TEST(Recycle, IsDueOnce) {
  Recycle recycle("requests=3");
  EXPECT_FALSE(recycle.due(2));
  EXPECT_TRUE(recycle.due(3));
  EXPECT_FALSE(recycle.due(4));
}

TEST(Recycle, AsksOnceAndSaysWhy) {
  auto pair = MessageSocket::make_pair();
  ASSERT_TRUE(pair);
  SupervisorLink link(std::move(pair->first));
  Recycle recycle("requests=3");
  for (uint64_t request = 1; request <= 9; ++request) recycle.ask_when_due(request, link);
  auto asked = pair->second.receive();
  ASSERT_TRUE(asked && *asked);
  EXPECT_EQ((*asked)->verb, "recycle");
  EXPECT_EQ((*asked)->field("reason"), "it has served 3 requests");
  auto again = pair->second.receive();
  EXPECT_TRUE(again && !*again);
}

TEST(Recycle, FindsItsWordAmongOthers) { EXPECT_TRUE(Recycle("a=1  requests=7 b=2").due(7)); }

TEST(Recycle, WhatIsNoNumberIsNever) {
  for (const char* text : {"", " ", "requests=", "requests=0", "requests=-1", "requests=many", "request=1"}) {
    Recycle recycle(text);
    for (uint64_t request = 0; request < 10; ++request) EXPECT_FALSE(recycle.due(request)) << text;
  }
}

}  // namespace
}  // namespace trimaran::worker
