// One client connection: sends a batch of requests at once (one, unless pipelining), reads their answers, and says of
// each what became of it. It never repairs anything: a request that was sent on a connection which the server closed
// under it has failed. The only second chance is the one that the RFC gives: what was pipelined behind a response with
// "Connection: close" was not processed (RFC 9112 section 9.6), so it is sent again, and counted.
#pragma once

#include <deque>
#include <span>
#include <string>

#include "os/fd.h"
#include "strict/options.h"
#include "strict/poller.h"
#include "strict/response_reader.h"
#include "strict/results.h"

namespace trimaran::strict {

struct Request {
  uint64_t id = 0;
  int64_t due_us = 0;  // its latency begins here
};

class HttpConnection final : public Poller::Handler {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void finished(const Request& request, Outcome outcome, int status, std::string_view excerpt) = 0;
    virtual void send_again(const Request& request) = 0;  // before all others; the last of several comes first
    virtual void connected() = 0;
    virtual void idle_closed() = 0;               // the server closed it while nothing was under way
    virtual void free(HttpConnection& self) = 0;  // the whole batch is dealt with
  };

  HttpConnection(const Options& options, Poller& poller, Owner& owner)
      : options_(options), poller_(poller), owner_(owner) {}

  void send(std::span<const Request> batch, int64_t now_us);  // only when it is free
  void on_events(uint32_t events) override;
  void pump();                          // with an upload or read rate: a few times in 100 ms
  void check_deadline(int64_t now_us);  // a few times a second
  bool busy() const { return !in_flight_.empty(); }

 private:
  struct Sent {
    Request request;
    Values values;
  };
  void append_request(const Request& request);
  bool connect();
  void flush();
  void want(uint32_t events);
  bool read_some();  // false: nothing more for now
  void feed(std::string_view bytes);
  void begin_answer();
  void complete(bool bytes_left);
  void on_end(Outcome when_unanswered);
  void fail_all(Outcome first, Outcome rest);
  void close();
  size_t allowed(double rate, size_t done, size_t wanted, int64_t since_us) const;

  const Options& options_;
  Poller& poller_;
  Owner& owner_;
  Fd fd_;
  bool connecting_ = false, reused_ = false;
  uint32_t events_ = 0;  // what epoll watches
  std::deque<Sent> in_flight_;
  std::string out_;
  size_t sent_ = 0, head_bytes_ = 0;  // of out_; the first head goes without delay
  size_t received_ = 0;
  int64_t batch_us_ = 0;  // when the batch was sent
  ResponseReader reader_;
  Check check_;
};

}  // namespace trimaran::strict
