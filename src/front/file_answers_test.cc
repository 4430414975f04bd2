// Files that an application answers with: one whose descriptor it sends, and X-Accel-Redirect to the site's own.
#include <sys/mman.h>

#include "front/testing.h"

namespace trimaran::front {
namespace {

class FileAnswers : public AppTest {
 protected:
  FileAnswers() {
    std::filesystem::create_directories(folder_ / "private");
    std::filesystem::create_directories(folder_ / "public");
    write("private/a.txt", "0123456789");
    write("private/big.bin", std::string(3 << 20, 'b'));
    write("public/open.txt", "open");
    SiteConfig& site = config_.sites[0];
    site.root = (folder_ / "public").string();
    site.routes = {{.path = "/private/",
                    .kind = RouteConfig::Kind::files,
                    .files = (folder_ / "private").string(),
                    .cache_seconds = 60,
                    .internal = true},
                   {.path = "/app/", .kind = RouteConfig::Kind::app}};
  }
  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }
  Fd open(const std::string& name) { return Fd(::open((folder_ / name).c_str(), O_RDONLY | O_CLOEXEC)); }

  void begin() {
    start();
    worker_ = add_worker(1);
  }
  // What the client gets when the application answers with X-Accel-Redirect to `target`.
  TestResponse redirected(std::string_view target, std::string_view more = "",
                          std::vector<worker::HeaderPair> headers = {}) {
    auto client = ask("/x", more);
    headers.emplace_back("X-Accel-Redirect", target);
    worker_->respond(worker_->begin().slot, 200, "dropped", headers);
    return client->read_response();
  }

  std::unique_ptr<TestWorker> worker_;
};

TEST_F(FileAnswers, PartOfAFileIsTheBody) {
  begin();
  TestClient client(address_);
  std::string request = "GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n";
  client.send(request);
  Fd small = open("private/a.txt"), big = open("private/big.bin");
  worker_->respond_file(worker_->begin().slot, 3, small.get(), {2, 3});
  EXPECT_EQ(client.read_response().body, "234");
  client.send(request);
  worker_->respond_file(worker_->begin().slot, 3 << 20, big.get(), {0, 3 << 20});
  EXPECT_TRUE(client.read_response().body == std::string(3 << 20, 'b'));
  client.send(request);
  worker_->respond_file(worker_->begin().slot, 0, small.get(), {10, 0});
  EXPECT_EQ(client.read_response().body, "");
  client.send("HEAD / HTTP/1.1\r\nHost: foobar.com\r\n\r\n" + request);
  worker_->respond_file(worker_->begin().slot, 10, small.get(), {0, 10});
  EXPECT_EQ(client.read_response(true).header("content-length"), "10");
  worker_->respond(worker_->begin().slot, 200, "next");
  EXPECT_EQ(client.read_response().body, "next");
}

TEST_F(FileAnswers, AFileThatIsNotWhatItsHeadSaysIsCutOff) {
  begin();
  Fd file = open("private/a.txt"), device(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  struct {
    int64_t length;
    int fd;
    worker::FileView part;
  } const cases[] = {
      {5, file.get(), {0, 4}}, {-1, file.get(), {0, 4}}, {5, file.get(), {8, 5}}, {5, device.get(), {0, 5}}};
  for (const auto& c : cases) {
    auto client = ask("/");
    worker_->respond_file(worker_->begin().slot, c.length, c.fd, c.part);
    TestResponse response = client->read_response();
    EXPECT_EQ(response.body, "") << c.length;
    EXPECT_TRUE(client->at_end());
  }
}

TEST_F(FileAnswers, AFileThatShrinksCutsTheConnection) {
  begin();
  Fd file(::memfd_create("shrinks", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), 8 << 20), 0);
  auto client = std::make_unique<TestClient>(address_, 4096);
  client->send("GET / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  worker_->respond_file(worker_->begin().slot, 8 << 20, file.get(), {0, 8 << 20});
  client->read(1000);
  ASSERT_EQ(::ftruncate(file.get(), 0), 0);
  EXPECT_LT(client->read_response().body.size(), size_t{8 << 20});
}

TEST_F(FileAnswers, InternalRoutesAnswerOnlyRedirects) {
  begin();
  EXPECT_EQ(ask("/private/a.txt")->read_response().status, 404);
  TestResponse response = redirected("/private/a.txt");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "0123456789");
  EXPECT_EQ(response.header("x-accel-redirect"), "");
  EXPECT_EQ(response.header("cache-control"), "max-age=60");
  EXPECT_EQ(redirected("/private/%61.txt?x=1").body, "0123456789");
  EXPECT_EQ(redirected("/open.txt").body, "open");
  EXPECT_EQ(redirected("/private/big.bin").body.size(), size_t{3 << 20});
}

TEST_F(FileAnswers, SomeHeadersOfTheApplicationStayAndTheFilesConditionsHold) {
  begin();
  TestResponse response = redirected("/private/a.txt", "",
                                     {{"Content-Type", "text/csv"},
                                      {"Content-Disposition", "attachment"},
                                      {"Set-Cookie", "a=1"},
                                      {"Set-Cookie", "b=2"},
                                      {"Cache-Control", "private"},
                                      {"X-Other", "gone"}});
  EXPECT_EQ(response.header("content-type"), "text/csv");
  EXPECT_EQ(response.header("content-disposition"), "attachment");
  EXPECT_EQ(response.header("cache-control"), "private");
  EXPECT_EQ(response.header("x-other"), "");
  EXPECT_EQ(std::count_if(response.headers.begin(), response.headers.end(),
                          [](const auto& h) { return h.first == "Set-Cookie"; }),
            2);
  EXPECT_EQ(redirected("/private/a.txt", "Range: bytes=2-4\r\n").body, "234");
  EXPECT_EQ(redirected("/private/a.txt", "If-None-Match: " + response.header("etag") + "\r\n").status, 304);
}

TEST_F(FileAnswers, WhatIsNoFileIs404AndNeverTheApplicationAgain) {
  begin();
  for (std::string_view target : {"/private/none", "/app/x", "/x", "/private/../../etc/passwd", "private/a.txt", ""}) {
    int status = redirected(target, "", {{"Content-Type", "text/csv"}}).status;
    EXPECT_TRUE(status == 404 || status == 502) << target << " " << status;
    EXPECT_FALSE(worker_->waits(20) && worker_->next().type == worker::FrameType::request);
  }
}

TEST_F(FileAnswers, APostIsAnsweredWithTheFileToo) {
  begin();
  TestClient client(address_);
  client.send("POST /x HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 3\r\n\r\nabc");
  auto slot = worker_->begin().slot;
  EXPECT_EQ(worker_->next().payload, "abc");
  worker_->respond(slot, 200, "", {{"X-Accel-Redirect", "/private/a.txt"}});
  EXPECT_EQ(client.read_response().body, "0123456789");
}

}  // namespace
}  // namespace trimaran::front
