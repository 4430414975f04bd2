#include "worker/sendfile.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "worker/testing.h"
#include "worker/worker_end.h"

namespace trimaran::worker {
namespace {

TEST_F(WorkerEndTest, AFileIsAHeadAndADescriptor) {
  front_.request(1, "/");
  front_.flush();
  Fd file = *make_memfd("file", "0123456789");
  worker_->next_request()->send_file({200, "OK", -1, {{"A", "b"}}}, file, {3, 4});
  auto head = front_.next(), last = front_.next();
  ASSERT_TRUE(head && last);
  ResponseHeadView view;
  ASSERT_TRUE(parse_response(head->payload, view));
  EXPECT_EQ(view.content_length, 4);
  EXPECT_EQ(last->type, FrameType::file);
  EXPECT_TRUE(last->end);
  auto part = read_file_view({FrameType::file, kEnd, 1, last->payload});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->offset, 3u);
  EXPECT_EQ(part->length, 4u);
  ASSERT_EQ(front_.files.size(), 1u);
  EXPECT_EQ(*read_memfd(front_.files[0]), "0123456789");
}

TEST_F(WorkerEndTest, XSendfileReplacesTheBodyAndGoesNoFurther) {
  std::string path = "/tmp/trimaran-sendfile-" + std::to_string(::getpid());
  ASSERT_TRUE(write_file(path, "content"));
  front_.request(1, "/");
  front_.flush();
  auto request = worker_->next_request();
  request->send_head({200, "OK", 0, {{"X-SENDFILE", path}, {"A", "b"}}});
  EXPECT_TRUE(request->send_body("ignored"));
  request->finish("too");
  ::unlink(path.c_str());
  auto head = front_.next(), last = front_.next();
  ASSERT_TRUE(head && last);
  ResponseHeadView view;
  ASSERT_TRUE(parse_response(head->payload, view));
  EXPECT_EQ(view.content_length, 7);
  ASSERT_EQ(view.headers.size(), 1u);
  EXPECT_EQ(view.headers[0].first, "A");
  EXPECT_EQ(last->type, FrameType::file);
  ASSERT_EQ(front_.files.size(), 1u);
}

TEST_F(WorkerEndTest, XSendfileOfWhatCannotBeSentIsAFailure) {
  uint16_t slot = 0;
  for (const char* path : {"/nonexistent/file", "relative", "/dev/null", "/tmp"}) {
    front_.request(++slot, "/");
    front_.flush();
    auto request = worker_->next_request();
    request->send_head({200, "OK", 0, {{"X-Sendfile", path}}});
    request->finish();
    auto reply = front_.next();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->type, FrameType::failed) << path;
    EXPECT_NE(reply->payload.find(path), std::string::npos) << reply->payload;
  }
}

}  // namespace
}  // namespace trimaran::worker
