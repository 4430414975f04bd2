// AsyncRequest: one request as the application's side sees it. Beside async_worker.cc, which reads for all of them.
#include <algorithm>

#include "base/assert.h"
#include "worker/async_worker.h"

namespace trimaran::worker {

AsyncRequest::AsyncRequest(AsyncWorker& worker, AsyncChannel& channel, uint16_t slot)
    : worker_(worker), channel_(channel), slot_(slot) {
  channel_.slots[slot_] = this;
  ++channel_.requests;
  ++worker_.busy_;
  HeadMemory memory = worker_.memory_.take();
  flow_.adopt(memory);
  head_out_ = std::move(memory.response);
}

AsyncRequest::~AsyncRequest() {
  if (!ended_) fail("the application gave no answer");
  HeadMemory memory{.response = std::move(head_out_)};
  flow_.surrender(memory);
  worker_.memory_.give(std::move(memory));
  worker_.release(*this);
}

void AsyncRequest::abort() {
  aborted_ = true;
  if (owner_) owner_->on_news();
}

void AsyncRequest::consume_body(size_t bytes) {
  uint32_t credit = flow_.consume(bytes);
  if (credit == 0 || ended_) return;
  append_credit(channel_.out(), slot_, credit);
  worker_.want_flush(channel_);
}

void AsyncRequest::send_head(const ResponseHeadView& head) {
  TRIMARAN_ASSERT(!ended_ && head_out_.empty());
  if (std::string_view path = find_sendfile(head); !path.empty()) {
    sendfile_ = open_to_send(path);
    if (*sendfile_) append_response(head_out_, slot_, false, head_for_file(head, (*sendfile_)->part));
    return;
  }
  head_out_.reserve(512);  // an ordinary head in one allocation
  append_response(head_out_, slot_, false, head);
}

size_t AsyncRequest::room() {
  if (channel_.room() == 0) channel_.room_refused = true;
  return std::min<size_t>(flow_.credit(), channel_.room());
}

void AsyncRequest::send_body(std::string_view bytes) {
  if (sendfile_) return;
  if (bytes.empty() && !head_out_.empty()) {
    put_head();
    worker_.want_flush(channel_);
  }
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, kBodyFrameBytes);
    put(kNoFlags, part);
    bytes.remove_prefix(part.size());
  }
}

void AsyncRequest::finish(std::string_view last) {
  if (sendfile_ && *sendfile_) return finish_file(std::move((*sendfile_)->fd), (*sendfile_)->part);
  if (sendfile_) return fail(sendfile_->error().message);
  while (last.size() > kBodyFrameBytes) {
    put(kNoFlags, last.substr(0, kBodyFrameBytes));
    last.remove_prefix(kBodyFrameBytes);
  }
  leave_slot();
  put(kEnd, last);
}

void AsyncRequest::finish_file(Fd file, const FileView& part) {
  leave_slot();
  put_head();
  channel_.attach(std::move(file));
  append_file(channel_.out(), slot_, part);
  worker_.want_flush(channel_);
}

// The answer that is not a response. What was kept of a head is dropped: the front can still show an error page.
void AsyncRequest::answer(FrameType type, std::string_view text) {
  if (ended_) return;
  leave_slot();
  head_out_.clear();
  append_frame(channel_.out(), type, kNoFlags, slot_, text);
  worker_.want_flush(channel_);
}

void AsyncRequest::put_head() {
  channel_.out() += head_out_;
  head_out_.clear();
}

void AsyncRequest::put(uint8_t flags, std::string_view bytes) {
  flow_.spend(bytes.size());
  put_head();
  append_frame(channel_.out(), FrameType::body, flags, slot_, bytes);
  worker_.want_flush(channel_);
  if (channel_.pending() >= kFlushBytes && !channel_.waits_writable) worker_.send(channel_);
}

// Before the last frame is there, because the front may use the slot again as soon as it has read that frame.
void AsyncRequest::leave_slot() {
  TRIMARAN_ASSERT(!ended_);
  ended_ = true;
  channel_.slots[slot_] = nullptr;
}

}  // namespace trimaran::worker
