// Leader and followers: a thread that must wait becomes the leader when there is none; it polls every channel and the
// link, reads, and hands what arrived to whom it concerns, until there is something for itself. Then it calls one of
// the waiting threads, which leads on. Rejected: an I/O thread (two context switches for each request, 5 us and more,
// and in Python a fight for the GIL); a channel for each thread (a request would wait behind one slow request while
// another thread is idle).
#include "worker/worker.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.h"
#include "base/log.h"
#include "worker/worker_end.h"

namespace trimaran::worker {

std::unique_ptr<Worker> Worker::make(MessageSocket link, int threads) {
  return std::make_unique<WorkerEnd>(std::move(link), threads);
}

WorkerEnd::WorkerEnd(MessageSocket link, int threads, Recycle recycle)
    : link_(std::move(link)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      threads_(threads),
      recycle_(recycle),
      guard_([this] {
        std::unique_lock lock(mutex_);
        write_kept(lock);
      }) {
  TRIMARAN_ASSERT(epoll_ && wake_);
  // Level-triggered: whoever leads next finds what this leader left.
  epoll_event wake{EPOLLIN, {.ptr = &wake_}}, message{EPOLLIN, {.ptr = &link_}};
  TRIMARAN_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &wake) == 0);
  TRIMARAN_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, link_.fd(), &message) == 0);
}

std::unique_ptr<Request> WorkerEnd::next_request() {
  std::unique_ptr<Request> request;
  bool interrupted;
  do {
    request = next_request(interrupted);
  } while (interrupted);
  return request;
}

std::unique_ptr<Request> WorkerEnd::next_request(bool& interrupted) {
  interrupted = false;
  std::unique_lock lock(mutex_);
  while (!drained()) {
    if (ready_.empty()) {
      interrupted = !wait(lock, nullptr, true);
      if (interrupted) return nullptr;
      continue;
    }
    std::unique_ptr<RequestEnd> request = std::move(ready_.front());
    ready_.pop_front();
    bool aborted = request->aborted_;
    if (!draining_ && !aborted && request->channel_.ledger.try_begin(request->slot_)) {
      request->begun_ = true;
      request->begun_at_us_ = clock_us_;
      ++busy_;
      ++requests_;
      recycle_.ask_when_due(requests_, link_);
      return request;
    }
    lock.unlock();
    // To the front, `skipped` without a recall means that this worker wants no more.
    if (aborted) {
      request->fail("the client is gone");
    } else {
      request->answer(FrameType::skipped, {});
    }
    request.reset();
    lock.lock();
  }
  write_kept(lock);
  return nullptr;
}

void WorkerEnd::after_fork_in_child() {
  is_forked_child_ = true;
  link_.close();
  epoll_.reset();
  wake_.reset();
  for (const auto& channel : channels_) channel->close();
  mutex_.unlock();
}

bool WorkerEnd::wait(std::unique_lock<std::mutex>& lock, RequestEnd* request, bool until_signal) {
  if (request) request->news_ = false;
  write_kept(lock);
  bool interrupted = false;
  while (!has_news(request) && !interrupted) {
    if (!leading_) {
      leading_ = true;
      interrupted = !lead(lock) && until_signal;
      leading_ = false;
      call_waiters(request == nullptr);
    } else {
      Waiter me{request, false, {}};
      waiters_.push_back(&me);
      me.wake.wait(lock, [&] { return me.called; });
      std::erase(waiters_, &me);
    }
  }
  if (!leading_ && !waiters_.empty()) call(*waiters_.front());
  return !interrupted;
}

bool WorkerEnd::has_news(const RequestEnd* request) const {
  return request ? request->news_ : !ready_.empty() || drained();
}

void WorkerEnd::call_waiters(bool leader_takes_one) {
  size_t ready = ready_.size() - (leader_takes_one && !ready_.empty() ? 1 : 0);
  for (Waiter* waiter : waiters_) {
    if (waiter->called) continue;
    if (waiter->request) {
      if (waiter->request->news_) call(*waiter);
    } else if (ready > 0 || drained()) {
      if (ready > 0) --ready;
      call(*waiter);
    }
  }
}

void WorkerEnd::call(Waiter& waiter) {
  waiter.called = true;
  waiter.wake.notify_one();
}

// One round: waits for something to happen, and hands it out.
bool WorkerEnd::lead(std::unique_lock<std::mutex>& lock) {
  epoll_event events[kEventsMax];
  lock.unlock();
  int count = ::epoll_wait(epoll_.get(), events, kEventsMax, -1);
  TRIMARAN_ASSERT(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    void* source = events[i].data.ptr;
    if (source == &wake_) {
      eventfd_t ignored;
      ::eventfd_read(wake_.get(), &ignored);
    } else if (source == &link_) {
      read_link();
    } else {
      auto& channel = *static_cast<WorkerChannel*>(source);
      bool there = channel.fill();
      lock.lock();
      if (!dispatch_all(channel) || !there) close(channel);
      lock.unlock();
    }
  }
  lock.lock();
  clock_us_ = monotonic_us();
  return count >= 0;
}

bool WorkerEnd::dispatch_all(WorkerChannel& channel) {
  Frame frame;
  for (;;) {
    FrameStatus status = channel.next(frame);
    if (status == FrameStatus::incomplete) return true;
    if (status == FrameStatus::invalid || !dispatch(channel, frame)) {
      log_error("a front broke the protocol of its channel; the channel is closed");
      channel.give_up();
      return false;
    }
  }
}

bool WorkerEnd::dispatch(WorkerChannel& channel, const Frame& frame) {
  RequestEnd* request = channel.slots[frame.slot];
  if (frame.type == FrameType::request) {
    if (request) return false;
    ready_.push_back(std::make_unique<RequestEnd>(*this, channel, frame.slot));
    return ready_.back()->flow_.begin(frame);
  }
  // Frames that were under way when the response ended find their slot free.
  if (request) request->news_ = true;
  switch (frame.type) {
    case FrameType::body:
      return !request || request->flow_.take_body(frame);
    case FrameType::credit:
      return !request || request->flow_.take_credit(frame);
    case FrameType::abort:
      if (request) request->abort();
      return true;
    default:
      return false;
  }
}

void WorkerEnd::read_link() {
  if (!link_.read(*this)) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link_.fd(), nullptr);
}

void WorkerEnd::on_drain() {
  std::lock_guard lock(mutex_);
  draining_ = true;
}

Status WorkerEnd::on_channel(Fd socket, Ledger ledger) {
  std::lock_guard lock(mutex_);
  if (channels_.size() == kChannelsMax) return make_error("there are too many");
  auto channel = std::make_unique<WorkerChannel>(std::move(socket), std::move(ledger));
  epoll_event event{EPOLLIN, {.ptr = channel.get()}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel->fd(), &event) != 0) return errno_error("it cannot be polled");
  channels_.push_back(std::move(channel));
  return {};
}

void WorkerEnd::close(WorkerChannel& channel) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, channel.fd(), nullptr);
  channel.closed = true;
  for (RequestEnd* request : channel.slots) {
    if (request) request->abort();
  }
  channel.shut();
  if (channel.gave_up()) link_.send_recycle(kGaveUp);
  forget_if_done(channel);
}

bool WorkerEnd::may_keep(const RequestEnd& request) {
  clock_us_ = monotonic_us();
  std::string_view method = request.head().method;
  bool again = method == "GET" || method == "HEAD";
  if (!again || ready_.empty() || clock_us_ - request.begun_at_us_ > kQuickUs) return false;
  if (!guard_.watch()) return false;
  request.channel_.ledger.mark_answered(request.slot_);
  keeps_ = true;
  return true;
}

void WorkerEnd::write_kept(std::unique_lock<std::mutex>& lock) {
  if (!keeps_) return;
  keeps_ = false;
  std::array<WorkerChannel*, kChannelsMax> keepers;
  size_t count = 0;
  for (const auto& channel : channels_) {
    if (!channel->keeps()) continue;
    ++channel->requests;  // so it stays, while the lock is open
    keepers[count++] = channel.get();
  }
  lock.unlock();
  for (size_t i = 0; i < count; ++i) keepers[i]->flush();
  lock.lock();
  for (size_t i = 0; i < count; ++i) {
    --keepers[i]->requests;
    forget_if_done(*keepers[i]);
  }
}

void WorkerEnd::release(RequestEnd& request) {
  --request.channel_.requests;
  forget_if_done(request.channel_);
  if (!request.begun_) return;
  --busy_;
  if (!drained()) return;
  ::eventfd_write(wake_.get(), 1);
  call_waiters(false);
}

void WorkerEnd::forget_if_done(WorkerChannel& channel) {
  if (!channel.closed || channel.requests > 0) return;
  std::erase_if(channels_, [&](const auto& c) { return c.get() == &channel; });
}

std::string WorkerEnd::status_json() {
  std::lock_guard lock(mutex_);
  return "{\"requests\":" + std::to_string(requests_) + ",\"busy\":" + std::to_string(busy_) +
         ",\"threads\":" + std::to_string(threads_) + ",\"waiting\":" + std::to_string(ready_.size()) + "}";
}

}  // namespace trimaran::worker
