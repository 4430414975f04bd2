// The two classes behind worker.h. They share one mutex, the worker's: it is held for table look-ups and copies only,
// never while a thread is in the kernel.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "worker/channel.h"
#include "worker/flush_guard.h"
#include "worker/recycle.h"
#include "worker/request_flow.h"
#include "worker/sendfile.h"
#include "worker/supervisor_link.h"
#include "worker/worker.h"

namespace trimaran::worker {

class WorkerEnd;

class RequestEnd final : public Request {
 public:
  static constexpr size_t kReasonBytesMax = 4096;  // of a failure; the whole story belongs in the application's log

  RequestEnd(WorkerEnd& worker, WorkerChannel& channel, uint16_t slot);
  ~RequestEnd() override;

  const RequestHeadView& head() const override { return flow_.head(); }
  int64_t read_body(char* out, size_t size) override;
  bool aborted() const override { return aborted_.load(std::memory_order_relaxed); }
  void send_head(const ResponseHeadView& head) override;
  bool send_body(std::string_view bytes) override { return send(bytes, End::no); }
  using Request::finish;
  void finish(std::string_view last) override { finish(last, End::yes); }
  void finish_for_good(std::string_view last) override { finish(last, End::for_good); }
  void send_file(const ResponseHeadView& head, const Fd& file, const FileView& part) override;
  void fail(std::string_view reason) override { answer(FrameType::failed, reason.substr(0, kReasonBytesMax)); }

 private:
  friend class WorkerEnd;
  enum class End { no, yes, for_good };

  void abort();  // the worker's side, with its mutex held

  void finish(std::string_view last, End end);
  bool send(std::string_view bytes, End end);
  void finish_with(const Fd& file, const FileView& part);
  void answer(FrameType type, std::string_view text);
  size_t wait_for_credit();
  void leave_slot();
  bool leave_with(std::string_view part, End end);

  WorkerEnd& worker_;
  WorkerChannel& channel_;
  const uint16_t slot_;
  bool begun_ = false;
  int64_t begun_at_us_ = 0;
  std::atomic<bool> aborted_ = false;

  // Guarded by the worker's mutex, but for the head and the credit.
  RequestFlow flow_;
  bool news_ = false;  // something arrived since the owner began to wait

  // The owner's.
  std::string out_;                           // the head, until it leaves with the first bytes
  std::optional<Result<OpenFile>> sendfile_;  // what X-Sendfile in the head named
  bool head_given_ = false;
  bool ended_ = false;
};

class WorkerEnd final : public Worker, private SupervisorLink::Listener {
 public:
  static constexpr int kEventsMax = 64;     // taken from the kernel at a time
  static constexpr int64_t kQuickUs = 100;  // a request that takes longer has its response written at once

  WorkerEnd(MessageSocket link, int threads, Recycle recycle = Recycle::from_environment());

  Status send_ready() override { return link_.send_ready(); }
  Status send_failed(std::string_view reason) override { return link_.send_failed(reason); }
  std::unique_ptr<Request> next_request() override;
  std::unique_ptr<Request> next_request(bool& interrupted) override;

  // With the mutex held across the fork, the child finds the channels whole, whatever the other threads were doing.
  void before_fork() override { mutex_.lock(); }
  void after_fork_in_parent() override { mutex_.unlock(); }
  void after_fork_in_child() override;
  bool is_forked_child() const override { return is_forked_child_; }

 private:
  friend class RequestEnd;
  struct Waiter {
    const RequestEnd* request;  // null: waits for a request to begin
    bool called = false;
    std::condition_variable wake;
  };

  // Returns once something happened for `request` (null: one is ready, or the worker is drained). Does the I/O of all
  // threads meanwhile, unless another thread does.
  // False: before that, a signal interrupted this thread; only if `until_signal`.
  bool wait(std::unique_lock<std::mutex>& lock, RequestEnd* request, bool until_signal = false);
  bool has_news(const RequestEnd* request) const;
  void call_waiters(bool leader_takes_one);
  static void call(Waiter& waiter);

  bool lead(std::unique_lock<std::mutex>& lock);  // false: a signal came instead
  bool dispatch_all(WorkerChannel& channel);
  bool dispatch(WorkerChannel& channel, const Frame& frame);
  // By the leader, without the mutex.
  void read_link();
  Status on_channel(Fd socket, Ledger ledger) override;
  void on_drain() override;
  std::string status_json() override;
  void close(WorkerChannel& channel);
  // With the mutex held, as the request ends. True: its response need not be written yet, because another request is
  // here already and this one was quick, so the next write is near. Only for a response that the front may fetch again
  // if this process dies before, and whose application is done with the request.
  bool may_keep(const RequestEnd& request);
  void write_kept(std::unique_lock<std::mutex>& lock);
  void release(RequestEnd& request);  // with the mutex held, from its destructor
  void forget_if_done(WorkerChannel& channel);
  bool drained() const { return draining_ && busy_ == 0 && ready_.empty(); }

  SupervisorLink link_;
  Fd epoll_;
  Fd wake_;  // an eventfd: brings the leader back from epoll
  const int threads_;
  const Recycle recycle_;
  bool is_forked_child_ = false;

  std::mutex mutex_;  // guards all below
  bool leading_ = false;
  bool draining_ = false;
  int busy_ = 0;           // requests begun and not yet given back
  uint64_t requests_ = 0;  // begun since the start
  bool keeps_ = false;     // some channel may keep responses back
  int64_t clock_us_ = 0;   // when the last request ended or the last round of I/O was over
  std::vector<Waiter*> waiters_;
  std::vector<std::unique_ptr<WorkerChannel>> channels_;
  HeadMemoryPool memory_;                          // before `ready_`, whose requests give theirs back
  std::deque<std::unique_ptr<RequestEnd>> ready_;  // at most kSlots for each channel

  FlushGuard guard_;  // the last member: its thread uses the others
};

}  // namespace trimaran::worker
