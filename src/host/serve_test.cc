#include "host/serve.h"

#include <gtest/gtest.h>

namespace trimaran::host {
namespace {

// A request of the worker protocol without a worker.
class FakeRequest final : public worker::Request {
 public:
  FakeRequest(std::string_view method, std::string_view path) {
    head_.method = method;
    head_.path = path;
  }
  FakeRequest& with(std::string_view name, std::string_view value) {
    head_.headers.emplace_back(name, value);
    return *this;
  }
  // Chunked: the length is not known before.
  FakeRequest& body(std::string bytes) {
    body_ = std::move(bytes);
    head_.content_length = -1;
    return *this;
  }
  FakeRequest& query(std::string_view text) { return head_.query = text, *this; }

  const worker::RequestHeadView& head() const override { return head_; }
  int64_t read_body(char* out, size_t size) override {
    if (client_leaves) return -1;
    size = std::min(size, body_.size());
    body_.copy(out, size);
    body_.erase(0, size);
    return static_cast<int64_t>(size);
  }
  bool aborted() const override { return client_leaves; }
  void send_head(const worker::ResponseHeadView& head) override {
    status = head.status;
    content_length = head.content_length;
    for (const auto& [name, value] : head.headers) headers.emplace(name, value);
  }
  bool send_body(std::string_view bytes) override { return sent += bytes, !client_leaves; }
  void finish(std::string_view last) override { sent += last, finished = true; }
  void send_file(const worker::ResponseHeadView& head, const Fd&, const worker::FileView&) override { send_head(head); }
  void fail(std::string_view reason) override { failure = reason; }

  bool client_leaves = false;
  int status = 0;
  int64_t content_length = -2;
  std::multimap<std::string, std::string> headers;
  std::string sent, failure;
  bool finished = false;

 private:
  worker::RequestHeadView head_;
  std::string body_;
};

class ServeTest : public testing::Test {
 protected:
  FakeRequest& run(FakeRequest& request) {
    testing::internal::CaptureStderr();
    answer(request, application_, database_);
    log_ = testing::internal::GetCapturedStderr();
    return request;
  }
  FakeRequest run(std::string_view method, std::string_view path) {
    FakeRequest request(method, path);
    return run(request);
  }

  Application application_{""};
  App app_{application_};
  Database database_{""};
  std::string log_;
};

TEST_F(ServeTest, WhatTheVisitorSentIsThere) {
  app_.get("/a/{rest:path}", [](Request& request, const std::string& rest) {
    return Response::text(std::string(request.path()) + "|" + rest + "|" + request.query("q").value_or("-") + "|" +
                          request.header("x-note").value_or("-") + "|" + request.cookie("b").value_or("-") + "|" +
                          request.cookie("z").value_or("-"));
  });
  FakeRequest request("GET", "/a/%41/b");
  request.query("p=1&q=x+y").with("X-Note", "one").with("x-note", "two").with("Cookie", "a=1").with("Cookie", "b=2");
  EXPECT_EQ(run(request).sent, "/a/A/b|A/b|x y|one, two|2|-");
}

TEST_F(ServeTest, WithoutAPageOfItsOwnAnApplicationGetsPlainOnes) {
  app_.post("/posts", [](Request&) { return Response(); });
  EXPECT_EQ(run("GET", "/nowhere").sent, "Not found\n");
  FakeRequest refused = run("GET", "/posts");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.find("Allow")->second, "POST");
  EXPECT_EQ(run("GET", "/%zz").status, 400);
}

TEST_F(ServeTest, ErrorPagesAreTheApplicationsAndTheStatusIsTheHosts) {
  app_.error_page([](Request&, int status) { return Response::html("<h1>" + std::to_string(status) + "</h1>"); });
  app_.get("/missing", [](Request&) { return Response::not_found(); });
  app_.get("/gone", [](Request&) -> Response { throw HttpError(410); });
  app_.get("/broken", [](Request&) -> Response { throw 42; });
  EXPECT_EQ(run("GET", "/missing").sent, "<h1>404</h1>");
  EXPECT_EQ(run("GET", "/gone").status, 410);
  EXPECT_EQ(log_, "");  // the visitor's fault is no line in the log
  EXPECT_EQ(run("GET", "/broken").status, 500);
  EXPECT_NE(log_.find("GET /broken"), std::string::npos);
}

TEST_F(ServeTest, AnErrorPageThatFailsIsReplaced) {
  app_.error_page([](Request&, int) -> Response { throw std::runtime_error("the template is gone"); });
  FakeRequest request = run("GET", "/nowhere");
  EXPECT_EQ(request.status, 404);
  EXPECT_EQ(request.sent, "Not found\n");
  EXPECT_NE(log_.find("the template is gone"), std::string::npos);
}

TEST_F(ServeTest, ABodyOfUnknownLengthIsLimitedToo) {
  app_.body_limit(10).post("/", [](Request& request) { return Response::text(request.body()); });
  FakeRequest fits("POST", "/"), too_long("POST", "/");
  EXPECT_EQ(run(fits.body("0123456789")).sent, "0123456789");
  EXPECT_EQ(run(too_long.body("0123456789a")).status, 413);
}

TEST_F(ServeTest, AClientThatLeavesIsNoError) {
  app_.post("/", [](Request& request) { return Response::text(request.body()); });
  FakeRequest request("POST", "/");
  request.client_leaves = true;
  EXPECT_EQ(run(request).failure, "the client is gone");
  EXPECT_EQ(log_, "");
}

TEST_F(ServeTest, AStreamEndsWhenTheClientLeaves) {
  int written = 0;
  app_.get("/", [&written](Request&) {
    return Response::stream([&written](Writer& out) {
      while (out.write("x")) ASSERT_LT(++written, 10);
    });
  });
  FakeRequest request("GET", "/");
  request.client_leaves = true;
  EXPECT_EQ(run(request).failure, "the client is gone");
  EXPECT_FALSE(request.finished);
}

TEST_F(ServeTest, AStreamKeepsToItsContentLength) {
  auto stream_of = [](std::string text) {
    auto stream = [text](Writer& out) { out.write(text); };
    return Response::stream(stream).header("Content-Length", "5");
  };
  app_.get("/right", [stream_of](Request&) { return stream_of("12345"); });
  app_.get("/long", [stream_of](Request&) { return stream_of("123456"); });
  app_.get("/short", [stream_of](Request&) { return stream_of("1234"); });
  FakeRequest right = run("GET", "/right");
  EXPECT_TRUE(right.finished);
  EXPECT_EQ(right.content_length, 5);
  EXPECT_FALSE(right.headers.contains("Content-Length"));  // it travels in the head's own field
  EXPECT_EQ(run("GET", "/long").failure, "the body is longer than its Content-Length");
  EXPECT_EQ(run("GET", "/short").failure, "the body is shorter than its Content-Length");
}

TEST_F(ServeTest, StatusesWithoutABodyHaveNone) {
  app_.get("/", [](Request&) { return Response(204, "what?"); });
  FakeRequest request = run("GET", "/");
  EXPECT_EQ(request.sent, "");
  EXPECT_EQ(request.content_length, 0);
  EXPECT_TRUE(request.finished);
}

TEST_F(ServeTest, HeadDoesNotRunTheStream) {
  app_.get("/", [](Request&) { return Response::stream([](Writer&) { FAIL(); }); });
  EXPECT_TRUE(run("HEAD", "/").finished);
}

TEST_F(ServeTest, AHeadThatIsTooLargeIsThisRequestsFailureOnly) {
  app_.get("/large", [](Request&) { return Response().header("X-Large", std::string(64 * 1024, 'x')); });
  app_.get("/many", [](Request&) {
    Response response;
    for (int i = 0; i < 257; ++i) response.add_header("Set-Cookie", "a=b");
    return response;
  });
  EXPECT_EQ(run("GET", "/large").status, 500);
  EXPECT_EQ(run("GET", "/many").status, 500);
}

TEST_F(ServeTest, ASiteWithoutADatabaseSaysSo) {
  app_.get("/", [](Request& request) { return Response::text(request.db().query("SELECT 1")[0].get<std::string>(0)); });
  EXPECT_EQ(run("GET", "/").status, 500);
  EXPECT_NE(log_.find("this site has no database"), std::string::npos);
}

}  // namespace
}  // namespace trimaran::host
