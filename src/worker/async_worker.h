// A worker process's end of its channels for an application with an event loop of its own (ASGI): one descriptor to
// poll, and nothing here ever waits. The other end, for applications that block, is worker.h.
//
// One thread. poll() reads all that has come and calls back; what is said in answer is collected and leaves with
// flush(), so that the responses of one round of the loop are one system call for each channel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/async_channel.h"
#include "worker/frame.h"
#include "worker/recycle.h"
#include "worker/request_flow.h"
#include "worker/sendfile.h"
#include "worker/supervisor_link.h"

namespace trimaran::worker {

class AsyncWorker;

// One request that was begun. Whoever got it from on_request() owns it.
class AsyncRequest {
 public:
  static constexpr size_t kReasonBytesMax = 4096;   // of a failure; the whole story belongs in the application's log
  static constexpr size_t kFlushBytes = 64 * 1024;  // a body does not wait for the round's end beyond this

  class Owner {
   public:
    virtual ~Owner() = default;
    // Body bytes, the end of the body, room for the response, or the abort has come. May destroy the request.
    virtual void on_news() = 0;
  };

  ~AsyncRequest();  // without finish(): the request is answered `failed`

  void set_owner(Owner& owner) { owner_ = &owner; }
  const RequestHeadView& head() const { return flow_.head(); }
  bool tunnel() const { return flow_.tunnel(); }  // may be answered with 101; see frame.h
  bool aborted() const { return aborted_; }       // the client or the front is gone

  // What is here of the request's body, or of what the client said in a tunnel.
  std::string_view body() const { return flow_.body(); }
  bool body_complete() const { return flow_.body_complete(); }
  void consume_body(size_t bytes);

  // The head is kept and leaves together with the first body bytes or finish().
  void send_head(const ResponseHeadView& head);
  size_t room();                            // body bytes that may be said now; on_news() comes when there are more
  void send_body(std::string_view bytes);   // at most room(); without bytes, the head leaves alone
  void finish(std::string_view last = {});  // at most room()
  // This part of a file is the whole body.
  void finish_file(Fd file, const FileView& part);
  // The application failed. Before any body the front shows an error page, later it cuts the connection.
  void fail(std::string_view reason) { answer(FrameType::failed, reason.substr(0, kReasonBytesMax)); }
  bool ended() const { return ended_; }

 private:
  friend class AsyncWorker;
  AsyncRequest(AsyncWorker& worker, AsyncChannel& channel, uint16_t slot);

  void abort();
  void answer(FrameType type, std::string_view text);
  void leave_slot();
  void put(uint8_t flags, std::string_view bytes);
  void put_head();

  AsyncWorker& worker_;
  AsyncChannel& channel_;
  const uint16_t slot_;
  RequestFlow flow_;
  Owner* owner_ = nullptr;
  std::string head_out_;                      // until it leaves with the first bytes
  std::optional<Result<OpenFile>> sendfile_;  // what X-Sendfile in the head named
  bool aborted_ = false;
  bool ended_ = false;
};

class AsyncWorker : private SupervisorLink::Listener {
 public:
  static constexpr int kEventsMax = 64;  // taken from the kernel at a time; the rest is there at the next poll()

  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_request(std::unique_ptr<AsyncRequest> request) = 0;
  };

  // `link` is the line to the supervisor (role/role.h). The worker outlives its requests.
  AsyncWorker(MessageSocket link, Events& events, Recycle recycle = Recycle::from_environment());
  AsyncWorker(AsyncWorker&&) = delete;

  Status send_ready() { return link_.send_ready(); }
  Status send_failed(std::string_view reason) { return link_.send_failed(reason); }

  int fd() const { return epoll_.get(); }  // readable when poll() has something to do
  void poll();
  // What was said leaves, as far as the sockets take it; poll() goes on with the rest.
  bool wants_flush() const { return !flush_.empty(); }
  void flush();

  bool draining() const { return draining_; }  // the supervisor said so, or is gone
  // Nothing is under way and nothing will come: the process may end.
  bool drained() const;

  // As in worker.h. Whoever forks is not inside of a call of ours.
  void after_fork_in_child();
  bool is_forked_child() const { return is_forked_child_; }

 private:
  friend class AsyncRequest;

  void read_link();
  Status on_channel(Fd socket, Ledger ledger) override;
  void on_drain() override { draining_ = true; }
  std::string status_json() override;
  void on_io(AsyncChannel& channel, uint32_t events);
  bool dispatch_all(AsyncChannel& channel);
  bool dispatch(AsyncChannel& channel, const Frame& frame);
  bool begin(AsyncChannel& channel, const Frame& frame);
  void want_flush(AsyncChannel& channel);
  void send(AsyncChannel& channel);
  void poll_writable(AsyncChannel& channel, bool writable);
  void tell_of_room(AsyncChannel& channel);
  void close(AsyncChannel& channel);
  void release(AsyncRequest& request);
  void forget_closed();

  SupervisorLink link_;
  Events& events_;
  const Recycle recycle_;
  Fd epoll_;
  std::vector<std::unique_ptr<AsyncChannel>> channels_;
  std::vector<AsyncChannel*> flush_;  // those with something to say
  HeadMemoryPool memory_;
  bool is_forked_child_ = false;
  bool draining_ = false;
  int busy_ = 0;           // requests that are not given back
  uint64_t requests_ = 0;  // begun since the start
};

}  // namespace trimaran::worker
