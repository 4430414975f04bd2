#include "strict/http_load.h"

#include <algorithm>

#include "base/time.h"

namespace trimaran::strict {

namespace {

constexpr int64_t kLookUs = 50'000;  // how late a timeout may be noticed
constexpr int64_t kPumpUs = 5'000;   // the grain of a paced upload or download

}  // namespace

HttpLoad::HttpLoad(const Options& options, Poller& poller, Results& results)
    : options_(options),
      poller_(poller),
      results_(results),
      pacer_(options.rate, options.seconds, options.requests, monotonic_us()) {
  for (int i = 0; i < options.connections; ++i) {
    connections_.push_back(std::make_unique<HttpConnection>(options_, poller_, *this));
    free_.push_back(connections_.back().get());
  }
}

void HttpLoad::run() {
  int64_t now = monotonic_us();
  results_.begin(now);
  while (!done(now)) {
    poller_.wait(wake_us(now));
    now = monotonic_us();
    if (poller_.stopped()) pacer_.stop();
    look_after(now);
    admit(now);
    dispatch(now);
  }
  results_.end(now);
}

bool HttpLoad::done(int64_t now_us) const {
  return pacer_.next_us(now_us) == INT64_MAX && due_.empty() && results_.attempted() == begun_;
}

int64_t HttpLoad::wake_us(int64_t now_us) const {
  int64_t wake = looked_us_ + kLookUs;
  if (options_.upload_rate > 0 || options_.read_rate > 0) wake = std::min(wake, pumped_us_ + kPumpUs);
  bool can_send = options_.rate > 0 || !free_.empty();
  return can_send ? std::min(wake, pacer_.next_us(now_us)) : wake;
}

// With a rate, all that is due; without, as much as the free connections can take.
void HttpLoad::admit(int64_t now_us) {
  size_t room = free_.size() * static_cast<size_t>(options_.pipeline);
  for (;;) {
    int64_t due = pacer_.next_us(now_us);
    if (due > now_us || begun_ == Results::kRecordsMax) return;
    if (options_.rate == 0 && due_.size() >= room) return;
    due_.push_back({++begun_, due});
    pacer_.take();
  }
}

void HttpLoad::dispatch(int64_t now_us) {
  auto depth = static_cast<size_t>(options_.pipeline);
  std::vector<Request> batch;
  for (size_t turns = free_.size(); turns > 0 && !due_.empty(); --turns) {
    if (due_.size() < depth && pacer_.next_us(now_us) != INT64_MAX) return;  // a whole batch, but for the last
    auto end = due_.begin() + static_cast<ptrdiff_t>(std::min(depth, due_.size()));
    batch.assign(due_.begin(), end);
    due_.erase(due_.begin(), end);
    HttpConnection* connection = free_.front();
    free_.pop_front();
    connection->send(batch, now_us);
  }
}

void HttpLoad::look_after(int64_t now_us) {
  if (now_us - pumped_us_ >= kPumpUs && (options_.upload_rate > 0 || options_.read_rate > 0)) {
    pumped_us_ = now_us;
    for (auto& connection : connections_) connection->pump();
  }
  if (now_us - looked_us_ < kLookUs) return;
  looked_us_ = now_us;
  for (auto& connection : connections_) connection->check_deadline(now_us);
  // A visitor whose request never left the queue has waited as long as any other.
  while (!due_.empty() && now_us - due_.front().due_us > static_cast<int64_t>(options_.timeout_s * 1e6)) {
    Request request = due_.front();
    due_.pop_front();
    finished(request, Outcome::timeout, 0, "");
  }
}

void HttpLoad::finished(const Request& request, Outcome outcome, int status, std::string_view excerpt) {
  results_.add({request.id, request.due_us, monotonic_us(), outcome, status, excerpt});
}

void HttpLoad::send_again(const Request& request) {
  results_.resent();
  due_.push_front(request);
}

}  // namespace trimaran::strict
