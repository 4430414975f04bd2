// What a client sees when its request is answered by a worker that hangs, dies, is retired or loses its share.
#include "front/app_call.h"

#include "front/testing.h"

namespace trimaran::front {
namespace {

using worker::FrameType;

TEST_F(AppTest, ARequestThatTakesTooLongGets504AndOnlyThat) {
  app().timeout_ms = 5'000;  // enough for all that happens before it is over
  start();
  auto hangs = add_worker(1, 1, 2);
  auto slow = ask("/slow");
  auto hung = hangs->begin();
  auto waiting = ask("/waiting");
  ASSERT_EQ(hangs->next().type, FrameType::request);  // in the socket, and never begun
  auto other = add_worker(2);
  other->respond(other->begin().slot, 200, "ok");
  EXPECT_EQ(waiting->read_response().body, "ok");
  EXPECT_EQ(slow->read_response().status, 504);
  EXPECT_EQ(hangs->next().slot, hung.slot);  // the abort
  Message message = told();
  EXPECT_EQ(message.verb, "hung");
  EXPECT_EQ(message.field("site"), "foobar.com");
  EXPECT_EQ(message.field("worker"), "1");
  EXPECT_EQ(message.field("request"), "GET /slow");
}

// Once nobody heard of it: the worker served nobody any more, and the site was down for good.
TEST_F(AppTest, AWorkerThatBreaksTheProtocolIsGivenUpAndTheSupervisorHearsOfIt) {
  start();
  auto one = add_worker(1);
  auto client = ask("/");
  one->begin();
  one->say(std::string(64, '\xff'));
  auto two = add_worker(2);
  two->respond(two->begin().slot, 200, "second");
  EXPECT_EQ(client->read_response().body, "second");
  Message message = told();
  EXPECT_EQ(message.verb, "given-up");
  EXPECT_EQ(message.field("site"), "foobar.com");
  EXPECT_EQ(message.field("worker"), "1");
  two->die();  // that, the supervisor sees itself
  auto again = ask("/");
  add_worker(3)->begin();
  EXPECT_EQ(told().verb, "");
}

// The supervisor writes it into its log: a part of it is enough, and a message does not hold more. The front died of
// it.
TEST_F(AppTest, TheLongestRequestThatHangsIsReportedAsFarAsThereIsRoom) {
  app().timeout_ms = 2'000;  // until then it has begun
  config_.limits.request_line_bytes = 64 << 10;
  start();
  auto hangs = add_worker(1);
  auto slow = ask("/slow?" + std::string(60'000, '"'));
  auto hung = hangs->begin();
  EXPECT_EQ(slow->read_response().status, 504);
  EXPECT_EQ(hangs->next().slot, hung.slot);  // the abort, which leaves when all else is done
  Message message = told();
  EXPECT_EQ(message.field("request").substr(0, 12), "GET /slow?\\\"");
  auto pair = MessageSocket::make_pair();
  ASSERT_TRUE(pair);
  EXPECT_TRUE(pair->first.send(message));
}

TEST_F(AppTest, ASlowUploadIsNotTheApplicationsFault) {
  app().timeout_ms = 100;
  config_.limits.body_timeout_ms = 1'000;
  start();
  auto worker = add_worker(1);
  TestClient client(address_);
  client.send("POST / HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 200000\r\n\r\n" + std::string(100'000, 'x'));
  worker->begin();
  EXPECT_EQ(client.read_response().status, 408);
  EXPECT_EQ(told().verb, "");
}

// Once a frame for each: a client that sent a byte in each chunk made us hold nine times what the windows allow.
TEST_F(AppTest, SmallChunksTravelTogether) {
  constexpr size_t kFirst = kBodyHeadBytes, kSmall = 1'000;
  start();
  auto worker = add_worker(1);
  TestClient client(address_);
  client.send("POST / HTTP/1.1\r\nHost: foobar.com\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" +
              std::string(kFirst, 'x') + "\r\n");
  auto slot = worker->begin().slot;
  std::string body, chunks;
  while (body.size() < kFirst) body += worker->next().payload;
  for (size_t i = 0; i < kSmall; ++i) chunks += "1\r\ny\r\n";
  client.send(chunks + "0\r\n\r\n");
  size_t frames = 0;
  for (bool end = false; !end; ++frames) {
    auto got = worker->next();
    ASSERT_EQ(got.type, FrameType::body);
    body += got.payload;
    end = got.flags & worker::kEnd;
  }
  EXPECT_EQ(body, std::string(kFirst, 'x') + std::string(kSmall, 'y'));
  EXPECT_LT(frames, kSmall / 10);
  worker->respond(slot, 200, "ok");
  EXPECT_EQ(client.read_response().body, "ok");
}

TEST_F(AppTest, AGenerationThatLosesItsShareGivesBackWhatItHasNotBegun) {
  start();
  auto old = add_worker(1, 7, 2);
  tell("shares", {{"shares", "7=100"}});
  auto first = ask("/1"), second = ask("/2");
  auto begun = old->begin();
  ASSERT_EQ(old->next().type, FrameType::request);
  auto fresh = add_worker(2, 8);
  tell("shares", {{"shares", "8=100"}});
  fresh->respond(fresh->begin().slot, 200, "new");
  old->respond(begun.slot, 200, "old");
  std::string answers = first->read_response().body + second->read_response().body;
  EXPECT_TRUE(answers == "oldnew" || answers == "newold") << answers;
}

TEST_F(AppTest, ARetiredWorkerFinishesAndGetsNoMore) {
  start();
  auto one = add_worker(1);
  auto client = ask("/");
  auto slot = one->begin().slot;
  tell("retire", {{"worker", "1"}});
  auto next = ask("/");
  one->respond(slot, 200, "last");
  EXPECT_EQ(client->read_response().body, "last");
  auto two = add_worker(2);
  two->respond(two->begin().slot, 200, "other");
  EXPECT_EQ(next->read_response().body, "other");
}

TEST_F(AppTest, PausedRequestsWaitAndAreCountedAsLoad) {
  start();
  auto worker = add_worker(1, 1, 3);
  tell("app", {{"state", "paused"}});
  auto client = ask("/");
  Millis deadline = monotonic_ms() + TestClient::kWaitMs;
  Message load;
  do {
    ASSERT_LT(monotonic_ms(), deadline);
    pools_.tell_loads();
    load = told();
  } while (load.field("queued") != "1");
  EXPECT_EQ(load.verb, "load");
  EXPECT_EQ(load.field("site"), "foobar.com");
  EXPECT_EQ(load.field("busy"), "0");
  EXPECT_EQ(load.field("capacity"), "3");
  tell("app", {{"state", "serving"}});
  worker->respond(worker->begin().slot, 200, "ok");
  EXPECT_EQ(client->read_response().body, "ok");
}

TEST_F(AppTest, AGetIsRetriedOnceWhenItsWorkerDiesAndAPostIsNot) {
  start();
  auto one = add_worker(1);
  auto get = ask("/");
  one->begin();
  one->die();
  auto two = add_worker(2);
  two->respond(two->begin().slot, 200, "second");
  EXPECT_EQ(get->read_response().body, "second");
  TestClient post(address_);
  post.send("POST / HTTP/1.1\r\nHost: foobar.com\r\nContent-Length: 1\r\n\r\nx");
  two->begin();
  two->die();
  EXPECT_EQ(post.read_response().status, 502);
}

// Once "Content-Length: 0", which is not what a GET would have said (RFC 9110 section 8.6).
TEST_F(AppTest, TheHeadOfABodyOfUnknownLengthNamesNone) {
  start();
  auto worker = add_worker(1);
  TestClient client(address_);
  auto length_of = [&](std::string method) {
    client.send(method + " / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
    std::string out;
    worker::append_response(out, worker->begin().slot, true, {200, "", -1, {}});
    worker->say(out);
    TestResponse response = client.read_response(method == "HEAD");
    EXPECT_EQ(response.status, 200);
    return response.header("content-length");
  };
  EXPECT_EQ(length_of("HEAD"), "");
  EXPECT_EQ(length_of("GET"), "0");
}

TEST_F(AppTest, AMethodThatOnlyTheApplicationKnowsIsItsOwn) {
  start();
  auto worker = add_worker(1);
  TestClient client(address_);
  client.send("PROPFIND / HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  worker->respond(worker->begin().slot, 207, "multi");
  TestResponse response = client.read_response();
  EXPECT_EQ(response.status, 207);
  EXPECT_EQ(response.body, "multi");
}

// A worker of ours has opened the file and dropped the header: who still says it is a program that speaks HTTP.
TEST_F(AppTest, AVisitorNeverSeesThePathOfXSendfile) {
  start();
  auto worker = add_worker(1);
  auto client = ask("/");
  worker->respond(worker->begin().slot, 200, "ok", {{"X-Sendfile", "/srv/secret/film.mp4"}, {"X-Own", "1"}});
  TestResponse response = client->read_response();
  EXPECT_EQ(response.header("x-sendfile"), "");
  EXPECT_EQ(response.header("x-own"), "1");
  EXPECT_EQ(response.body, "ok");
}

TEST_F(AppTest, ABrokenApplicationSaysWhyInDevModeOnly) {
  const std::map<std::string, std::string> broken = {
      {"state", "broken"}, {"reason", "SyntaxError"}, {"log", "Traceback\n  File \"<b>app.py\"\n"}};
  app().dev = true;
  start();
  auto waits = ask("/");
  tell("app", broken);
  auto shown = waits->read_response();
  EXPECT_EQ(shown.status, 503);
  EXPECT_NE(shown.body.find("SyntaxError"), std::string::npos);
  EXPECT_NE(shown.body.find("Traceback\n  File &quot;&lt;b&gt;app.py"), std::string::npos) << shown.body;
  config_.sites[0].app->dev = false;
  in_thread([&] { thread_->set_config(config_); });
  auto hidden = ask("/")->read_response();
  EXPECT_EQ(hidden.status, 503);
  EXPECT_EQ(hidden.body.find("SyntaxError"), std::string::npos);
  EXPECT_EQ(hidden.body.find("Traceback"), std::string::npos);
}

TEST_F(AppTest, ASiteBeforeItsFirstDeployHasOnlyItsRedirects) {
  SiteConfig& site = config_.sites[0];
  site.awaits_release = true;
  site.root = "/nowhere";
  site.routes.push_back({.path = "/old", .kind = RouteConfig::Kind::redirect, .redirect = "/new"});
  site.routes.push_back({.path = "/files", .kind = RouteConfig::Kind::files, .files = "/nowhere"});
  start();
  for (const char* path : {"/", "/page", "/files/x"}) {
    auto response = ask(path)->read_response();
    EXPECT_EQ(response.status, 503) << path;
    EXPECT_NE(response.body.find("Nothing has been published"), std::string::npos);
  }
  EXPECT_EQ(ask("/old")->read_response().status, 308);
}

// Its FIN says only that it will ask no more; but an application that waits for news of its client must hear of it.
TEST_F(AppTest, AClientThatClosesIsGoneForAnAsgiApplication) {
  start();
  auto worker = add_worker(1);
  auto client = ask("/");
  auto begun = worker->begin();
  client->half_close();
  auto told = worker->next();
  EXPECT_EQ(told.type, FrameType::abort);
  EXPECT_EQ(told.slot, begun.slot);
}

TEST_F(AppTest, AClientThatClosesBehindAnotherRequestGetsItsAnswers) {
  start();
  auto worker = add_worker(1);
  TestClient client(address_);
  client.send("GET /1 HTTP/1.1\r\nHost: foobar.com\r\n\r\nGET /2 HTTP/1.1\r\nHost: foobar.com\r\n\r\n");
  client.half_close();
  worker->respond(worker->begin().slot, 200, "one");
  EXPECT_EQ(client.read_response().body, "one");
}

TEST_F(AppTest, AClientThatOnlySaysNoMoreGetsItsAnswerFromAnyOther) {
  app().kind = AppKind::wsgi;
  start();
  auto worker = add_worker(1);
  auto client = ask("/");
  auto begun = worker->begin();
  client->half_close();
  EXPECT_FALSE(worker->waits(100));
  worker->respond(begun.slot, 200, "ok");
  EXPECT_EQ(client->read_response().body, "ok");
}

}  // namespace
}  // namespace trimaran::front
