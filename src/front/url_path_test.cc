#include "front/url_path.h"

#include <gtest/gtest.h>

namespace trimaran::front {
namespace {

UrlPath read(std::string_view raw) {
  static std::string scratch;
  UrlPath path;
  EXPECT_TRUE(read_url_path(raw, scratch, path)) << raw;
  return path;
}

TEST(UrlPath, IsDecodedOnceAndOnlyOnce) {
  EXPECT_EQ(read("/a%20b%25").text, "/a b%");
  EXPECT_EQ(read("/%252e%252e/x").text, "/%2e%2e/x");
  EXPECT_EQ(read("/caf%C3%A9").text, "/caf\xc3\xa9");
}

TEST(UrlPath, AnEncodedSlashSeparatesNothing) {
  UrlPath path = read("/a%2fb");
  EXPECT_TRUE(path.encoded_slash);
  EXPECT_EQ(path.text, "/a%2Fb");
}

TEST(UrlPath, SaysWhatNoFileMayBeCalled) {
  EXPECT_TRUE(read("//a").empty_segment);
  EXPECT_TRUE(read("/a//").empty_segment);
  EXPECT_TRUE(read("/.git/config").hidden);
  EXPECT_TRUE(read("/a/%2eenv").hidden);
  EXPECT_TRUE(read("/...").hidden);
  EXPECT_FALSE(read("/.well-known/acme").hidden);
  EXPECT_TRUE(read("/.well-known/.x").hidden);
  EXPECT_TRUE(read("/a/.well-known/x").hidden);
  EXPECT_FALSE(read("/a.b/c.").hidden);
}

TEST(UrlPath, RefusesDotSegmentsAndBrokenEncoding) {
  std::string scratch;
  UrlPath path;
  for (const char* raw : {"/..", "/.", "/a/../b", "/a/./b", "/%2e%2e/", "/.%2E", "/a/%2e", "/%", "/%1", "/%g0", "/%00",
                          "/a%0d%0ab", "/%7f"}) {
    EXPECT_FALSE(read_url_path(raw, scratch, path)) << raw;
  }
}

}  // namespace
}  // namespace trimaran::front
