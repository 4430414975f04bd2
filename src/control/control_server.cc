#include "control/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/time.h"
#include "control/deploy_api.h"
#include "http/head_scanner.h"
#include "http/request_head.h"
#include "http/response_writer.h"

namespace trimaran {

class ControlServer::Connection final : public IoHandler, public Timer {
 public:
  Connection(ControlServer& server, Fd fd, uint64_t number) : server_(server), fd_(std::move(fd)), number_(number) {
    server_.loop_.arm(*this, server_.loop_.now() + kExchangeMs);
    if (!server_.loop_.add(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLET, *this)) end();
  }
  ~Connection() override { server_.loop_.remove(fd_.get(), *this); }

  // Through an upgrade of the program. Whoever asked for it is answered when it is over; any other request begins anew
  // (only a status can be under way then) and an answer goes on where it was.
  void save(StateRecord& record) const {
    record.set_fd("fd", fd_.get()).set("upgrade", upgrade_ && waiting_ ? 1 : 0).set("in", in_).set("out", out_);
  }
  void go_on(const StateRecord& record) {
    in_ = record.text("in");
    out_ = record.text("out");
    asked_ = upgrade_ = record.number("upgrade") == 1;
    if (upgrade_) {
      answer_later(kUpgradeMs, [&](OnOutcome done) { server_.supervisor_.when_upgraded(std::move(done)); });
    } else if (!out_.empty()) {
      asked_ = true;
      send();
    } else {
      scan();
    }
  }

  bool waiting() const { return waiting_; }
  uint64_t number() const { return number_; }
  bool ended() const { return ended_; }

  void on_io(uint32_t) override {
    if (ended_) return;
    if (!asked_) receive();
    if (!out_.empty()) send();
  }

 private:
  void on_timer() override { end(); }

  void receive() {
    char buffer[8192];
    for (;;) {
      ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) return end();
      in_.append(buffer, static_cast<size_t>(n));
      if (scan()) return;
    }
  }

  // Whether the head is whole, or refused.
  bool scan() {
    switch (scanner_.scan(in_, http::HeadLimits())) {
      case http::HeadScanner::Outcome::need_more:
        return false;
      case http::HeadScanner::Outcome::refused:
        refuse(scanner_.refusal());
        return true;
      case http::HeadScanner::Outcome::complete:
        handle();
        return true;
    }
    return true;
  }

  void handle() {
    asked_ = true;
    std::string_view bytes = std::string_view(in_).substr(scanner_.begin(), scanner_.end() - scanner_.begin());
    if (auto refusal = http::parse_request_head(bytes, head_)) return refuse(refusal);
    if (auto refused = ControlApi::refuse(head_.method, head_.path)) return answer(*refused);
    if (head_.path == "/status") return answer_status();
    if (is_change(head_.path)) return answer_change();
    if (head_.path == "/releases") return answer(answer_releases(server_.supervisor_.deployer(), head_.query));
    Supervisor& supervisor = server_.supervisor_;
    if (head_.path == "/database/restart") {
      return answer_later(DatabaseRestart::kQuietMs + DatabaseRestart::kServeMs,
                          [&](OnOutcome done) { supervisor.restart_database(std::move(done)); });
    }
    if (head_.path == "/upgrade") return upgrade();
    ControlAnswer now = api_answer();
    if (head_.path != "/reload" || now.status != 200) return answer(now);
    // The new workers have their time.
    answer_later(Supervisor::kReloadMs, [&](OnOutcome done) { supervisor.when_reloaded(std::move(done)); });
  }

  // The counters are asked for first.
  void answer_status() {
    waiting_ = true;
    server_.supervisor_.refresh_counters([&server = server_, number = number_] {
      if (Connection* us = server.waiting(number)) us->answer(us->api_answer());
    });
  }

  // Answered when it is over, whatever becomes of the connection meanwhile. By number, here and below: it may be
  // another connection that lives at our address by then.
  using OnOutcome = std::function<void(const ReloadOutcome&)>;
  template <class Begin>
  void answer_later(Millis most_ms, Begin begin) {
    waiting_ = true;
    server_.loop_.arm(*this, server_.loop_.now() + most_ms + kExchangeMs);
    begin([&server = server_, number = number_](const ReloadOutcome& outcome) {
      if (Connection* us = server.waiting(number)) us->answer(outcome_answer(outcome));
    });
  }

  // A line for each step, while it happens. The steps have their own deadlines.
  void answer_change() {
    waiting_ = true;
    cancel();
    auto say = [&server = server_, number = number_](std::string_view text) {
      if (Connection* us = server.waiting(number)) us->stream(said_line(text));
    };
    auto done = [&server = server_, number = number_](const DeployOutcome& outcome) {
      if (Connection* us = server.waiting(number)) us->end_stream(outcome_line(outcome));
    };
    Status begun = begin_change(server_.supervisor_.deployer(), head_.path, head_.query, {say, done});
    if (!begun) answer({409, message_json(begun.error().message)});
  }

  void stream(const std::string& line) {
    if (!streams_) write_head({.status = 200, .headers = {{"Content-Type", "application/x-ndjson"}}});
    streams_ = true;
    if (out_.size() < kStreamBytesMax) out_ += line;  // a hook that floods a client that does not read
    send();
  }

  void end_stream(const std::string& line) {
    stream("");
    out_ += line;
    streams_ = waiting_ = false;
    server_.loop_.arm(*this, server_.loop_.now() + kExchangeMs);
    send();
  }

  void upgrade() {
    auto binary = upgrade_binary(head_.query);
    if (!binary) return answer({400, message_json(binary.error().message)});
    upgrade_ = true;
    answer_later(kUpgradeMs, [&](OnOutcome done) { server_.supervisor_.upgrade(*binary, std::move(done)); });
  }

  ControlAnswer api_answer() { return server_.api_.handle(head_.method, head_.path); }
  void refuse(const http::Refusal& refusal) { answer({refusal.status, message_json(refusal.reason)}); }

  void answer(const ControlAnswer& answer) {
    asked_ = true;
    waiting_ = false;
    write_head({.status = answer.status,
                .headers = {{"Content-Type", "application/json"}},
                .content_length = static_cast<int64_t>(answer.json.size())});
    out_ += answer.json;
    send();
  }

  void write_head(const http::ResponseHead& head) {
    std::string date = http_date(wall_seconds());
    auto framing = head.content_length < 0 ? http::Framing::until_close : http::Framing::length;
    http::write_response_head(head, {.framing = framing, .keep_alive = false, .date = date, .server = "trimaran"},
                              out_);
  }

  void send() {
    while (!out_.empty()) {
      ssize_t n = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) return end();
      out_.erase(0, static_cast<size_t>(n));
    }
    if (!streams_) end();
  }

  // Deleted after the round: we may be in the middle of our own event.
  void end() {
    if (std::exchange(ended_, true)) return;
    server_.loop_.defer([&server = server_, this] { server.forget(*this); });
  }

  ControlServer& server_;
  Fd fd_;
  uint64_t number_;
  std::string in_, out_;
  http::HeadScanner scanner_;
  http::RequestHead head_;
  bool asked_ = false;
  bool waiting_ = false;
  bool streams_ = false;  // more lines will come
  bool upgrade_ = false;
  bool ended_ = false;
};

ControlServer::ControlServer(EventLoop& loop, Supervisor& supervisor)
    : loop_(loop),
      supervisor_(supervisor),
      api_({.report = [&supervisor] { return supervisor.report(); },
            .reload = [&supervisor] { return supervisor.reload(); },
            .stop = [&supervisor] { supervisor.stop(); },
            .pause = [&supervisor](const std::string& site, bool paused) { return supervisor.pause(site, paused); }}) {}

ControlServer::~ControlServer() { close(); }

Status ControlServer::open(const std::string& path) {
  auto listener = listen_unix(path, 0600);
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  path_ = path;
  watch_listener();
  return {};
}

void ControlServer::save(State& state) const {
  state.add("control").set("path", path_).set_fd("fd", listener_.get());
  for (const Connection& connection : connections_) {
    if (!connection.ended()) connection.save(state.add("control-connection"));
  }
}

Status ControlServer::resume(const State& state) {
  auto record = state.one("control");
  if (!record) return std::unexpected(record.error());
  listener_ = (*record)->take_fd("fd");
  path_ = (*record)->text("path");
  for (const StateRecord* asker : state.all("control-connection")) {
    connections_.emplace_back(*this, asker->take_fd("fd"), ++connection_numbers_);
    connections_.back().go_on(*asker);
  }
  watch_listener();
  return {};
}

void ControlServer::close() {
  if (!listener_) return;
  if (watching_) loop_.remove(listener_.get(), *this);
  watching_ = false;
  listener_.reset();
  ::unlink(path_.c_str());
}

// Level-triggered; not watched while there are too many connections.
void ControlServer::watch_listener() {
  bool wanted = listener_ && connections_.size() < kConnectionsMax;
  if (wanted == watching_) return;
  watching_ = wanted;
  if (!wanted) return loop_.remove(listener_.get(), *this);
  if (auto added = loop_.add(listener_.get(), EPOLLIN, *this); !added) log_error(added.error().message);
}

void ControlServer::on_io(uint32_t) {
  Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;
  connections_.emplace_back(*this, std::move(fd), ++connection_numbers_);
  watch_listener();
}

ControlServer::Connection* ControlServer::waiting(uint64_t number) {
  auto found = std::find_if(connections_.begin(), connections_.end(),
                            [&](const Connection& c) { return c.number() == number && c.waiting(); });
  return found == connections_.end() ? nullptr : &*found;
}

void ControlServer::forget(Connection& connection) {
  connections_.remove_if([&](const Connection& c) { return &c == &connection; });
  watch_listener();
}

}  // namespace trimaran
