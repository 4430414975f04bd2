#include "host/router.h"

#include <gtest/gtest.h>

namespace trimaran::host {
namespace {

using Kind = Router::Match::Kind;

// A handler that is known by its name.
class Named final : public detail::AnyHandler {
 public:
  explicit Named(std::string its_name) : name(std::move(its_name)) {}
  Response call(Request&, const detail::PathValues&) const override { std::abort(); }
  const std::string name;
};

class RouterTest : public testing::Test {
 protected:
  void add(std::string_view method, std::string_view pattern) {
    ASSERT_TRUE(router_.add(method, pattern, std::make_unique<Named>(std::string(pattern))));
  }
  // The pattern that answers, with the values of its parameters.
  std::string who(std::string_view path, std::string_view method = "GET") {
    auto match = router_.find(method, path);
    if (match.kind == Kind::method_not_allowed) return "405 " + match.allow;
    if (match.kind == Kind::bad_path) return "400";
    if (match.kind == Kind::not_found) return "404";
    std::string out = static_cast<const Named&>(*match.handler).name;
    for (const auto& value : match.values)
      out += " " + (value.text.empty() ? std::to_string(value.number) : value.text);
    return out;
  }
  Router router_;
};

TEST_F(RouterTest, TheMoreSpecificPatternWinsWhateverTheOrder) {
  add("GET", "/{rest:path}");
  add("GET", "/posts/{title}");
  add("GET", "/posts/{id:int}");
  add("GET", "/posts/new");
  EXPECT_EQ(who("/posts/new"), "/posts/new");
  EXPECT_EQ(who("/posts/7"), "/posts/{id:int} 7");
  EXPECT_EQ(who("/posts/hello"), "/posts/{title} hello");
  EXPECT_EQ(who("/posts/7/comments"), "/{rest:path} posts/7/comments");
}

TEST_F(RouterTest, GoesBackWhenTheSpecificWayEndsNowhere) {
  add("GET", "/a/b/c");
  add("GET", "/a/{x}/d");
  add("GET", "/{x:int}/e");
  add("GET", "/{x}/f");
  EXPECT_EQ(who("/a/b/d"), "/a/{x}/d b");
  EXPECT_EQ(who("/5/f"), "/{x}/f 5");
  EXPECT_EQ(who("/a/b/e"), "404");
}

TEST_F(RouterTest, NumbersAreWholeAndFitInt64) {
  add("GET", "/{n:int}");
  EXPECT_EQ(who("/9223372036854775807"), "/{n:int} 9223372036854775807");
  EXPECT_EQ(who("/-5"), "/{n:int} -5");
  for (auto wrong : {"/9223372036854775808", "/1.5", "/+1", "/1x", "/", "/%20"}) EXPECT_EQ(who(wrong), "404") << wrong;
}

TEST_F(RouterTest, SegmentsAreDecodedOneByOne) {
  add("GET", "/files/{name}");
  add("GET", "/caf\xc3\xa9");
  EXPECT_EQ(who("/files/a%2Fb"), "/files/{name} a/b");  // an encoded slash does not end a segment
  EXPECT_EQ(who("/caf%C3%A9"), "/caf\xc3\xa9");
  EXPECT_EQ(who("/files/a%2"), "400");
  EXPECT_EQ(who("/files/"), "404");  // an empty segment is no name
}

TEST_F(RouterTest, PathsAreComparedExactly) {
  add("GET", "/");
  add("GET", "/posts");
  add("GET", "/docs/");
  EXPECT_EQ(who("/"), "/");
  EXPECT_EQ(who("/posts/"), "404");
  EXPECT_EQ(who("/docs"), "404");
  EXPECT_EQ(who("/docs/"), "/docs/");
  EXPECT_EQ(who("/Posts"), "404");
  EXPECT_EQ(who("*", "OPTIONS"), "404");
}

TEST_F(RouterTest, TheRestMayBeEmptyButNotMissing) {
  add("GET", "/static/{file:path}");
  EXPECT_EQ(router_.find("GET", "/static/").values.at(0).text, "");
  EXPECT_EQ(who("/static"), "404");
}

TEST_F(RouterTest, AMethodThatIsMissingNamesTheOthers) {
  add("POST", "/posts");
  add("GET", "/posts");
  add("DELETE", "/posts/{id:int}");
  EXPECT_EQ(who("/posts", "PUT"), "405 GET, HEAD, POST");
  EXPECT_EQ(who("/posts", "HEAD"), "/posts");
  EXPECT_EQ(who("/posts/1"), "405 DELETE");
}

TEST_F(RouterTest, AnotherPatternMayHaveTheMethodThatThisOneLacks) {
  add("POST", "/posts/new");
  add("GET", "/posts/{title}");
  EXPECT_EQ(who("/posts/new", "GET"), "/posts/{title} new");
  EXPECT_EQ(who("/posts/new", "POST"), "/posts/new");
  EXPECT_EQ(who("/posts/new", "PUT"), "405 GET, HEAD, POST");
}

TEST_F(RouterTest, AnyMethodStepsBackBehindANamedOne) {
  add("", "/api/{rest:path}");
  add("GET", "/api/{rest:path}");
  EXPECT_EQ(who("/api/x", "PROPFIND"), "/api/{rest:path} x");
}

TEST_F(RouterTest, TheSamePatternTwiceIsAnError) {
  add("GET", "/posts/{id}");
  EXPECT_TRUE(router_.add("POST", "/posts/{id}", std::make_unique<Named>("")));
  auto twice = router_.add("GET", "/posts/{other_name}", std::make_unique<Named>(""));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "two handlers for GET /posts/{other_name} (parameter names do not count)");
}

TEST_F(RouterTest, APathOfTooManySegmentsBelongsToNobody) {
  add("GET", "/{rest:path}");
  std::string path;
  for (size_t i = 0; i < kSegmentsMax; ++i) path += "/a";
  EXPECT_EQ(who(path), "/{rest:path} " + path.substr(1));
  EXPECT_EQ(who(path + "/a"), "404");
}

// What the compiler checks (trimaran/route.h), as far as a test can see it.
TEST(Pattern, FitsTheHandler) {
  auto handler = [](Request&, int64_t, const std::string&, std::string_view) { return Response(); };
  detail::PatternFor<decltype(handler)> pattern("/a/{id:int}/{name}/{rest:path}");
  EXPECT_EQ(pattern.text(), "/a/{id:int}/{name}/{rest:path}");
}

}  // namespace
}  // namespace trimaran::host
