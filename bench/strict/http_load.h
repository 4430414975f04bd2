// The HTTP load: hands each request that is due to the connection that has been free for the longest time, so every one
// of them is idle for a while again and again, which is what makes a server's careless close show.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "strict/http_connection.h"
#include "strict/pacer.h"

namespace trimaran::strict {

class HttpLoad final : public HttpConnection::Owner {
 public:
  HttpLoad(const Options& options, Poller& poller, Results& results);
  void run();  // until every request that was begun has ended

 private:
  void admit(int64_t now_us);
  void dispatch(int64_t now_us);
  void look_after(int64_t now_us);
  bool done(int64_t now_us) const;
  int64_t wake_us(int64_t now_us) const;

  void finished(const Request& request, Outcome outcome, int status, std::string_view excerpt) override;
  void send_again(const Request& request) override;
  void connected() override { results_.reconnected(); }
  void idle_closed() override { results_.idle_close(); }
  void free(HttpConnection& connection) override { free_.push_back(&connection); }

  const Options& options_;
  Poller& poller_;
  Results& results_;
  Pacer pacer_;
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::deque<HttpConnection*> free_;
  std::deque<Request> due_;  // at most kRecordsMax: the run ends there
  uint64_t begun_ = 0;
  int64_t looked_us_ = 0, pumped_us_ = 0;
};

}  // namespace trimaran::strict
