#include "front/mime.h"

#include <gtest/gtest.h>

namespace trimaran::front {

TEST(Mime, GoesByTheLastExtensionWithoutCase) {
  EXPECT_EQ(mime_type("/index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(mime_type("/A.PNG"), "image/png");
  EXPECT_EQ(mime_type("/app.min.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(mime_type("/site.webmanifest"), "application/manifest+json");
  EXPECT_EQ(mime_type("/a.tar.gz"), "application/gzip");
}

TEST(Mime, TheUnknownIsBytes) {
  for (const char* path : {"/", "/html", "/a.", "/a.unknownextension", "/dir.html/file", "/a.htmlx"}) {
    EXPECT_EQ(mime_type(path), "application/octet-stream") << path;
  }
}

}  // namespace trimaran::front
