#include "trimaran/response.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace trimaran {
namespace {

TEST(Response, HelpersSetTypeAndStatus) {
  EXPECT_EQ(Response::html("x").headers(), (Response::Headers{{"Content-Type", "text/html; charset=utf-8"}}));
  EXPECT_EQ(Response::json("{}", 201).status(), 201);
  Response redirect = Response::see_other("/posts");
  EXPECT_EQ(redirect.status(), 303);
  EXPECT_EQ(redirect.headers(), (Response::Headers{{"Location", "/posts"}}));
}

TEST(Response, AHeaderReplacesOneOfTheSameName) {
  Response response = Response::text("x").header("content-type", "text/css");
  EXPECT_EQ(response.headers(), (Response::Headers{{"content-type", "text/css"}}));
  response.add_header("Link", "a").add_header("Link", "b");
  EXPECT_EQ(response.headers().size(), 3u);
}

TEST(Response, NoVisitorCanWriteHeadersOfTheirOwn) {
  EXPECT_THROW(Response().header("Location", "/a\r\nSet-Cookie: x=1"), std::invalid_argument);
  EXPECT_THROW(Response().header("X-Note", std::string_view("a\0b", 3)), std::invalid_argument);
  EXPECT_THROW(Response().header("X Note", "a"), std::invalid_argument);
  EXPECT_THROW(Response().header("", "a"), std::invalid_argument);
  EXPECT_THROW(Response::see_other("/\n"), std::invalid_argument);
}

TEST(Response, StatusIsAFinalOne) {
  EXPECT_THROW(Response(100), std::invalid_argument);
  EXPECT_THROW(Response(600), std::invalid_argument);
}

TEST(Response, CookiesAreCarefulUnlessToldOtherwise) {
  Response response;
  response.set_cookie("session", "abc", 3600, true);
  EXPECT_EQ(response.headers()[0].second, "session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure");
  EXPECT_THROW(response.set_cookie("a", "b; Domain=evil"), std::invalid_argument);
}

TEST(EscapeHtml, LeavesNoMarkup) {
  EXPECT_EQ(escape_html("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
}

}  // namespace
}  // namespace trimaran
