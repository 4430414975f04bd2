#include "worker/async_worker.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace trimaran::worker {

AsyncWorker::AsyncWorker(MessageSocket link, Events& events, Recycle recycle)
    : link_(std::move(link)), events_(events), recycle_(recycle), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  TRIMARAN_ASSERT(epoll_);
  epoll_event message{EPOLLIN, {.ptr = &link_}};
  TRIMARAN_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, link_.fd(), &message) == 0);
}

bool AsyncWorker::drained() const {
  return draining_ && busy_ == 0 &&
         std::all_of(channels_.begin(), channels_.end(), [](const auto& channel) { return channel->pending() == 0; });
}

void AsyncWorker::after_fork_in_child() {
  is_forked_child_ = true;
  link_.close();
  epoll_.reset();
  for (const auto& channel : channels_) channel->close();
}

void AsyncWorker::poll() {
  epoll_event events[kEventsMax];
  int count = ::epoll_wait(epoll_.get(), events, kEventsMax, 0);
  TRIMARAN_ASSERT(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.ptr == &link_) {
      read_link();
    } else {
      on_io(*static_cast<AsyncChannel*>(events[i].data.ptr), events[i].events);
    }
  }
  forget_closed();
}

void AsyncWorker::on_io(AsyncChannel& channel, uint32_t events) {
  if (events & EPOLLOUT) {
    send(channel);
    tell_of_room(channel);
  }
  if (!(events & ~uint32_t{EPOLLOUT})) return;
  bool there = channel.fill();
  if (!dispatch_all(channel) || !there) close(channel);
}

bool AsyncWorker::dispatch_all(AsyncChannel& channel) {
  Frame frame;
  for (;;) {
    FrameStatus status = channel.next(frame);
    if (status == FrameStatus::incomplete) return true;
    if (status == FrameStatus::invalid || !dispatch(channel, frame)) {
      log_error("a front broke the protocol of its channel; the channel is closed");
      link_.send_recycle(kGaveUp);
      return false;
    }
  }
}

bool AsyncWorker::dispatch(AsyncChannel& channel, const Frame& frame) {
  AsyncRequest* request = channel.slots[frame.slot];
  if (frame.type == FrameType::request) return !request && begin(channel, frame);
  bool good;
  switch (frame.type) {
    case FrameType::body:
      good = !request || request->flow_.take_body(frame);
      break;
    case FrameType::credit:
      good = !request || request->flow_.take_credit(frame);
      break;
    case FrameType::abort:
      if (request) request->aborted_ = true;
      good = true;
      break;
    default:
      return false;
  }
  // Frames that were under way when the response ended find their slot free.
  if (request && good && request->owner_) request->owner_->on_news();
  return good;
}

bool AsyncWorker::begin(AsyncChannel& channel, const Frame& frame) {
  std::unique_ptr<AsyncRequest> request(new AsyncRequest(*this, channel, frame.slot));
  if (!request->flow_.begin(frame)) return false;
  // To the front, `skipped` without a recall means that this worker wants no more.
  if (draining_ || !channel.ledger.try_begin(frame.slot)) {
    request->answer(FrameType::skipped, {});
    return true;
  }
  recycle_.ask_when_due(++requests_, link_);
  events_.on_request(std::move(request));
  return true;
}

void AsyncWorker::want_flush(AsyncChannel& channel) {
  // One that waits for its socket is flushed by poll().
  if (channel.flush_wanted || channel.waits_writable) return;
  channel.flush_wanted = true;
  flush_.push_back(&channel);
}

void AsyncWorker::flush() {
  for (AsyncChannel* channel : std::exchange(flush_, {})) {
    channel->flush_wanted = false;
    send(*channel);
    tell_of_room(*channel);
  }
}

// A front that is gone is noticed by poll(), which closes the channel.
void AsyncWorker::send(AsyncChannel& channel) {
  bool there = channel.flush();
  poll_writable(channel, there && channel.pending() > 0);
}

void AsyncWorker::poll_writable(AsyncChannel& channel, bool writable) {
  if (channel.waits_writable == writable || channel.closed) return;
  channel.waits_writable = writable;
  epoll_event event{writable ? EPOLLIN | EPOLLOUT : EPOLLIN, {.ptr = &channel}};
  TRIMARAN_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, channel.fd(), &event) == 0);
}

void AsyncWorker::tell_of_room(AsyncChannel& channel) {
  if (!channel.room_refused || channel.room() == 0) return;
  channel.room_refused = false;
  for (AsyncRequest* request : channel.slots) {
    if (request && request->owner_) request->owner_->on_news();
  }
}

void AsyncWorker::read_link() {
  if (!link_.read(*this)) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link_.fd(), nullptr);
}

Status AsyncWorker::on_channel(Fd socket, Ledger ledger) {
  if (channels_.size() == kChannelsMax) return make_error("there are too many");
  auto channel = std::make_unique<AsyncChannel>(std::move(socket), std::move(ledger));
  epoll_event event{EPOLLIN, {.ptr = channel.get()}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel->fd(), &event) != 0) return errno_error("it cannot be polled");
  channels_.push_back(std::move(channel));
  return {};
}

void AsyncWorker::close(AsyncChannel& channel) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, channel.fd(), nullptr);
  channel.closed = true;
  channel.waits_writable = false;
  channel.shut();
  for (AsyncRequest* request : channel.slots) {
    if (request) request->abort();
  }
}

void AsyncWorker::release(AsyncRequest& request) {
  --request.channel_.requests;
  --busy_;
}

// Only where nobody holds a reference to a channel.
void AsyncWorker::forget_closed() {
  std::erase_if(channels_, [&](const auto& channel) {
    if (!channel->closed || channel->requests > 0) return false;
    std::erase(flush_, channel.get());
    return true;
  });
}

std::string AsyncWorker::status_json() {
  return "{\"requests\":" + std::to_string(requests_) + ",\"busy\":" + std::to_string(busy_) +
         ",\"threads\":1,\"waiting\":0}";
}

}  // namespace trimaran::worker
