// A worker process's end of its channels: what the Python extension and trimaran-host are built on.
//
// Any number of application threads call next_request() and work on what they get with blocking calls. There is no I/O
// thread: whichever thread must wait (for a request, for body bytes, for credit) does the I/O for all of them while it
// waits (leader and followers), so with one application thread a request costs no hand-over at all. Every channel is
// read by at most one thread at a time; writing has one lock for each channel.
//
// Calls may be made without the GIL; none of them calls back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/message_socket.h"
#include "worker/frame.h"

namespace trimaran::worker {

// One request under way, used by one thread at a time. Owned by whoever got it from next_request().
class Request {
 public:
  virtual ~Request() = default;  // without finish(): the request is answered `failed`
  virtual const RequestHeadView& head() const = 0;

  // Blocks for at least one byte, then copies at most `size`. 0: the body is complete. -1: the client is gone.
  virtual int64_t read_body(char* out, size_t size) = 0;
  // Whether the front has said that the client is gone (as far as frames were read).
  virtual bool aborted() const = 0;

  // The head is kept and leaves together with the first body bytes or finish(). With a header X-Sendfile the file that
  // it names is the body, whatever send_body() and finish() say; a file that cannot be opened is a failure.
  virtual void send_head(const ResponseHeadView& head) = 0;
  // Blocks while the client is slower than the window. False: the client is gone; stop producing.
  virtual bool send_body(std::string_view bytes) = 0;
  // The response is complete with these last bytes, which leave in the same write: head, body and end of a small
  // response are one system call. Blocks like send_body().
  virtual void finish(std::string_view last) = 0;
  void finish() { finish({}); }
  // The same, when the application has nothing left to do for this request: then the response may wait a little, to
  // leave together with the next one. After finish() it never does: what the application goes on with may take long,
  // or end this process, and then the front must know that it was this request.
  virtual void finish_for_good(std::string_view last) { finish(last); }
  // The whole response, instead of the three above: the body is this part of a regular file, which the front sends.
  virtual void send_file(const ResponseHeadView& head, const Fd& file, const FileView& part) = 0;
  // The application failed. Before send_head the front shows an error page, later it cuts the connection.
  virtual void fail(std::string_view reason) = 0;
};

class Worker {
 public:
  // `link` is the line to the supervisor (role/role.h), from which channels come.
  static std::unique_ptr<Worker> make(MessageSocket link, int threads);
  virtual ~Worker() = default;

  // Tell the supervisor: the application is loaded, or that it cannot be.
  virtual Status send_ready() = 0;
  virtual Status send_failed(std::string_view reason) = 0;

  // The next request that was begun for the caller; null once the worker drains (supervisor said so, or is gone) and
  // nothing is left. Several threads may wait here.
  virtual std::unique_ptr<Request> next_request() = 0;
  // The same; but null, with `interrupted`, also when a signal came to this thread while it polled: an interpreter runs
  // the application's signal handlers between two steps of its own only.
  virtual std::unique_ptr<Request> next_request(bool& interrupted) = 0;

  // Around a fork(2) in the application, by the thread that forks. The child closes its copies of our descriptors, or a
  // front would not notice the death of the worker as long as the child lives; in it nothing else may be called then.
  virtual void before_fork() = 0;
  virtual void after_fork_in_parent() = 0;
  virtual void after_fork_in_child() = 0;
  virtual bool is_forked_child() const = 0;
};

}  // namespace trimaran::worker
