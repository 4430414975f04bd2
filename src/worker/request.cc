// RequestEnd: one request as the application's thread sees it. Beside worker.cc, which has the other half of
// worker_end.h, because waiting and writing for one request is a story apart from reading for all.
#include <algorithm>

#include "base/assert.h"
#include "worker/worker_end.h"

namespace trimaran::worker {

// With the worker's mutex held.
RequestEnd::RequestEnd(WorkerEnd& worker, WorkerChannel& channel, uint16_t slot)
    : worker_(worker), channel_(channel), slot_(slot) {
  channel.slots[slot] = this;
  ++channel.requests;
  HeadMemory memory = worker.memory_.take();
  flow_.adopt(memory);
  out_ = std::move(memory.response);
}

RequestEnd::~RequestEnd() {
  if (!ended_) fail("the application gave no answer");
  HeadMemory memory{.response = std::move(out_)};
  flow_.surrender(memory);
  std::lock_guard lock(worker_.mutex_);
  worker_.memory_.give(std::move(memory));
  worker_.release(*this);
}

void RequestEnd::abort() {
  aborted_ = true;
  news_ = true;
}

int64_t RequestEnd::read_body(char* out, size_t size) {
  size_t n;
  uint32_t grant;
  {
    std::unique_lock lock(worker_.mutex_);
    while (flow_.body().empty() && !flow_.body_complete() && !aborted_) worker_.wait(lock, this);
    if (aborted_) return -1;
    n = flow_.body().copy(out, size);
    grant = flow_.consume(n);
  }
  if (grant > 0) {
    std::string credit;
    append_credit(credit, slot_, grant);
    channel_.write(credit);  // a front that is gone is noticed as an abort
  }
  return static_cast<int64_t>(n);
}

void RequestEnd::send_head(const ResponseHeadView& head) {
  TRIMARAN_ASSERT(!head_given_ && !ended_);
  head_given_ = true;
  if (std::string_view path = find_sendfile(head); !path.empty()) {
    sendfile_ = open_to_send(path);
    if (*sendfile_) append_response(out_, slot_, false, head_for_file(head, (*sendfile_)->part));
    return;
  }
  out_.reserve(512);  // an ordinary head in one allocation
  append_response(out_, slot_, false, head);
}

void RequestEnd::finish(std::string_view last, End end) {
  TRIMARAN_ASSERT(head_given_);
  if (sendfile_)
    return *sendfile_ ? finish_with((*sendfile_)->fd, (*sendfile_)->part) : fail(sendfile_->error().message);
  if (!send(last, end)) fail("the client is gone");
}

void RequestEnd::send_file(const ResponseHeadView& head, const Fd& file, const FileView& part) {
  TRIMARAN_ASSERT(!head_given_ && !ended_);
  head_given_ = true;
  append_response(out_, slot_, false, head_for_file(head, part));
  finish_with(file, part);
}

void RequestEnd::finish_with(const Fd& file, const FileView& part) {
  leave_slot();
  std::string frame;
  append_file(frame, slot_, part);
  if (channel_.write(out_)) channel_.write_with(file, frame);  // a front that is gone is noticed as an abort
  out_.clear();
}

// At the end, the frame that carries the last bytes says so; an empty body is one empty frame.
bool RequestEnd::send(std::string_view bytes, End end) {
  TRIMARAN_ASSERT(!ended_);
  if (sendfile_) return !aborted_;
  while (!bytes.empty() || end != End::no) {
    size_t n = bytes.empty() ? 0 : std::min({wait_for_credit(), bytes.size(), kBodyFrameBytes});
    if (aborted_) return false;
    flow_.spend(n);
    bool last = end != End::no && n == bytes.size();
    append_body_header(out_, last ? kEnd : kNoFlags, slot_, n);
    std::string_view part = bytes.substr(0, n);
    bool sent = last ? leave_with(part, end) : channel_.write(out_, part);
    out_.clear();
    if (last) return true;
    if (!sent) return false;
    bytes.remove_prefix(n);
  }
  return !aborted_;
}

// The answer that is not a response. What was kept of a head is dropped: the front can still show an error page.
void RequestEnd::answer(FrameType type, std::string_view text) {
  if (ended_) return;
  leave_slot();
  out_.clear();
  append_frame(out_, type, kNoFlags, slot_, text);
  channel_.write(out_);
}

size_t RequestEnd::wait_for_credit() {
  size_t credit = flow_.credit();
  if (credit > 0) return credit;
  std::unique_lock lock(worker_.mutex_);
  while ((credit = flow_.credit()) == 0 && !aborted_) worker_.wait(lock, this);
  return credit;
}

// Before the last frame leaves, because the front may use the slot again as soon as it has read that frame.
void RequestEnd::leave_slot() {
  ended_ = true;
  std::lock_guard lock(worker_.mutex_);
  channel_.slots[slot_] = nullptr;
}

// The same with the last frame, whose header is in `out_`: it is written, or kept back.
bool RequestEnd::leave_with(std::string_view part, End end) {
  ended_ = true;
  {
    std::lock_guard lock(worker_.mutex_);
    channel_.slots[slot_] = nullptr;
    if (end == End::for_good && worker_.may_keep(*this) && channel_.keep(out_, part)) return true;
  }
  return channel_.write(out_, part);
}

}  // namespace trimaran::worker
