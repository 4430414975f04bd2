#include "front/router.h"

#include <gtest/gtest.h>

namespace trimaran::front {
namespace {

struct Named final : Handler {
  void start(Exchange&) override {}
};

TEST(Router, TheLongestPrefixOnASegmentBorderWins) {
  Named home, statics, deep, api;
  Router router;
  router.add("/static/", statics);
  router.add("/", home);
  router.add("/static/deep", deep);
  router.add("/api", api);
  EXPECT_EQ(router.find("/"), &home);
  EXPECT_EQ(router.find("/statics"), &home);
  EXPECT_EQ(router.find("/static"), &statics);
  EXPECT_EQ(router.find("/static/"), &statics);
  EXPECT_EQ(router.find("/static/deeper"), &statics);
  EXPECT_EQ(router.find("/static/deep/x"), &deep);
  EXPECT_EQ(router.find("/api"), &api);
  EXPECT_EQ(router.find("/apis"), &home);
}

TEST(Router, WithoutADefaultRouteSomePathsHaveNoHandler) {
  Named api;
  Router router;
  router.add("/api", api);
  EXPECT_EQ(router.find("/"), nullptr);
}

}  // namespace
}  // namespace trimaran::front
