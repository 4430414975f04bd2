#include "front/front_main.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/strings.h"
#include "front/app_pools.h"
#include "front/front_thread.h"
#include "os/process.h"
#include "role/role.h"

namespace trimaran::front {
namespace {

// Descriptors that no connection may take: listeners, channels to workers, files, and what a message brings.
constexpr uint64_t kDescriptorsReserve = 1024;

// Of a hand-over whose message does not say: [deploy] drain's default.
constexpr uint64_t kHandOverMs = 3'600'000;

// std::function wants copyable captures; a Message owns descriptors.
using SharedMessage = std::shared_ptr<Message>;

class FrontRole {
 public:
  explicit FrontRole(MessageSocket link)
      : link_(
            loop_, std::move(link), [this](Message message) { on_message(std::move(message)); },
            [this] { loop_.stop(); }) {
    uint64_t descriptors = raise_descriptor_limit();
    uint64_t left = descriptors > 2 * kDescriptorsReserve ? descriptors - kDescriptorsReserve : descriptors / 2;
    connections_max_ = static_cast<uint32_t>(std::min<uint64_t>(left, UINT32_MAX));
    clients_.set_capacity(connections_max_);
  }

  ~FrontRole() {
    for (Lane& lane : lanes_) lane.front->loop().stop();
    for (Lane& lane : lanes_) {
      if (lane.thread.joinable()) lane.thread.join();
    }
  }

  int run() {
    loop_.run();
    return exit_code_;
  }

 private:
  struct Lane {
    std::unique_ptr<FrontThread> front;
    std::thread thread;
  };

  void on_message(Message message) {
    if (message.verb == "config") return on_config(message);
    if (lanes_.empty()) return fail("the message " + message.verb + " came before the configuration");
    if (message.verb == "listener") return on_listener(std::move(message));
    if (message.verb == "start") return on_start();
    if (message.verb == "load") return pools_->tell_loads();
    for (std::string_view verb : {"app", "shares", "retire", "cut"}) {
      if (message.verb == verb) return on_pools(std::move(message));
    }
    if (message.verb == "target") return on_target(std::move(message));
    if (message.verb == "logs") return on_logs(message);
    if (message.verb == "status") return on_status();
    if (message.verb == "drain") return on_drain();
    if (message.verb == "hand-over") return on_hand_over(message);
    log_warning("unknown message from the supervisor: " + message.verb);
  }

  void on_config(const Message& message) {
    if (message.fds.empty()) return fail("the configuration came without its memfd");
    auto bytes = read_memfd(message.fds[0]);
    if (!bytes) return fail(bytes.error().message);
    auto sources = SourceBundle::decode(*bytes);
    if (!sources) return fail(sources.error().message);
    ParsedConfig parsed = parse_config(*sources);
    if (!parsed.diagnostics.empty()) return fail(format_diagnostics(parsed.diagnostics, *sources));
    bool asked = parsed.config.limits.connections != LimitsConfig{}.connections;
    if (asked && parsed.config.limits.connections > connections_max_) {
      log_warning("[limits] connections is " + std::to_string(parsed.config.limits.connections) +
                  ", but the limit of open descriptors (ulimit -n) leaves room for " +
                  std::to_string(connections_max_));
    }
    config_ = std::make_shared<const Config>(std::move(parsed.config));
    // The number of threads is that of the first configuration: it must match the listeners we were given.
    if (pools_) return;
    auto threads = static_cast<size_t>(config_->threads);
    pools_ = std::make_unique<AppPools>(threads, [this](Message told) {
      auto shared = std::make_shared<Message>(std::move(told));
      loop_.post([this, shared] { link_.send(*shared); });
    });
    auto make_apps = [this](EventLoop& loop) { return make_pooled_apps(*pools_, loop); };
    for (size_t i = 0; i < threads; ++i) lanes_.push_back({std::make_unique<FrontThread>(clients_, make_apps), {}});
  }

  FrontThread& lane_of(const Message& message) {
    size_t index = parse_u64(message.field("thread")).value_or(0) % lanes_.size();
    return *lanes_[index].front;
  }

  template <class Task>
  void post_to_all(Task task) {
    for (Lane& lane : lanes_) {
      FrontThread* front = lane.front.get();
      front->loop().post([front, task] { task(*front); });
    }
  }

  // Runs `task` in every thread, then `done` in the main thread.
  template <class Task, class Done>
  void ask_all(Task task, Done done) {
    auto waiting = std::make_shared<size_t>(lanes_.size());
    post_to_all([this, task, done, waiting](FrontThread& front) {
      task(front);
      loop_.post([done, waiting] {
        if (--*waiting == 0) done();
      });
    });
  }

  // Held back until `start`: a socket without a configuration could not serve.
  void on_listener(Message message) {
    if (message.fds.empty()) return fail("a listener came without its socket");
    listeners_.push_back(std::make_shared<Message>(std::move(message)));
  }

  void on_start() {
    auto config = config_;
    std::vector<std::string> addresses;
    for (const Address& address : config->http) addresses.push_back(address.to_string());
    bool reload = started_;
    post_to_all([config, addresses, reload](FrontThread& front) {
      front.set_config(*config);
      if (reload) front.keep_listeners(addresses);
    });
    if (config->access_log == "-") set_access_log(Fd(::dup(STDERR_FILENO)));
    if (config->access_log == "off") set_access_log(Fd());
    for (const SharedMessage& message : listeners_) {
      FrontThread* front = &lane_of(*message);
      front->loop().post(
          [front, message] { front->add_listener(std::move(message->fds[0]), message->field("address")); });
    }
    listeners_.clear();
    if (!started_) {
      for (Lane& lane : lanes_) lane.thread = std::thread([front = lane.front.get()] { front->run(); });
    }
    started_ = true;
    ask_all([](FrontThread&) {}, [this] { link_.send({"ready", {}, {}}); });
  }

  void on_pools(Message message) {
    auto shared = std::make_shared<Message>(std::move(message));
    // First the pools: what the threads call back needs its new shares.
    pools_->on_message(*shared);
    post_to_all([shared](FrontThread& front) { front.apps().on_message(*shared); });
  }

  void on_target(Message message) {
    FrontThread* front = &lane_of(message);
    auto shared = std::make_shared<Message>(std::move(message));
    front->loop().post([front, shared] { front->apps().on_target(std::move(*shared)); });
  }

  void on_logs(const Message& message) {
    if (message.fds.empty()) return log_warning("the message logs came without its file");
    set_access_log(message.fds[0]);
  }

  // Each thread writes through a descriptor of its own; O_APPEND keeps their pieces whole.
  void set_access_log(const Fd& file) {
    for (Lane& lane : lanes_) {
      auto copy = std::make_shared<Fd>(file ? duplicate(file).value_or(Fd()) : Fd());
      FrontThread* front = lane.front.get();
      front->loop().post([front, copy] { front->set_access_log(std::move(*copy)); });
    }
  }

  void on_status() {
    auto total = std::make_shared<Counters>();
    auto mutex = std::make_shared<std::mutex>();
    auto count = [total, mutex](FrontThread& front) {
      std::lock_guard lock(*mutex);
      *total += front.counters();
    };
    ask_all(count, [this, total] {
      std::string json = total->to_json(static_cast<int>(lanes_.size()), draining_);
      json.insert(json.size() - 1, ",\"apps\":" + pools_->status_json());
      auto message = status_message(std::move(json));
      if (message) return link_.send(*message);
      log_error(message.error().message);
      link_.send({"status", {{"json", "{}"}}, {}});
    });
  }

  void on_drain() {
    end_lanes([](FrontThread& front, std::function<void()> drained) { front.drain(std::move(drained)); });
  }

  void on_hand_over(const Message& message) {
    auto limit_ms = static_cast<Millis>(parse_u64(message.field("limit_ms")).value_or(kHandOverMs));
    end_lanes([limit_ms](FrontThread& front, std::function<void()> drained) {
      front.hand_over(limit_ms, std::move(drained));
    });
  }

  // `end(front, drained)` in every thread; the process ends when the last one is drained.
  template <class End>
  void end_lanes(End end) {
    if (draining_) return;
    draining_ = true;
    auto waiting = std::make_shared<size_t>(lanes_.size());
    post_to_all([this, end, waiting](FrontThread& front) {
      end(front, [this, waiting] {
        loop_.post([this, waiting] {
          if (--*waiting == 0) loop_.stop();
        });
      });
    });
  }

  void fail(const std::string& reason) {
    log_error(reason);
    link_.send({"failed", {{"reason", field_text(reason)}}, {}});
    // A bad reload leaves what serves alone; without a start there is nothing to leave alone.
    if (started_) return;
    exit_code_ = 1;
    loop_.stop();
  }

  EventLoop loop_;
  ClientTable clients_;
  uint32_t connections_max_ = 0;  // what the descriptors of this process allow
  std::shared_ptr<const Config> config_;
  std::vector<SharedMessage> listeners_;
  std::unique_ptr<AppPools> pools_;  // posts into the lanes' loops; the lanes are stopped before it goes
  std::vector<Lane> lanes_;
  bool started_ = false;
  bool draining_ = false;
  int exit_code_ = 0;
  RoleLink link_;
};

}  // namespace

int run_front(MessageSocket link) {
  ::signal(SIGPIPE, SIG_IGN);
  return FrontRole(std::move(link)).run();
}

int front_main() { return run_front(inherited_link()); }

}  // namespace trimaran::front
