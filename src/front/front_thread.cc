#include "front/front_thread.h"

#include <algorithm>

namespace trimaran::front {
namespace {

constexpr Millis kDrainCheckMs = 50;
constexpr Millis kGoodbyeMs = 6'000;  // from the limit of a hand-over to the last cut: longer than Tunnel::kEndMs

}  // namespace

FrontThread::FrontThread(ClientTable& clients, const MakeApps& make_apps)
    : context_(clients), apps_(make_apps(context_.loop)) {}

void FrontThread::set_config(const Config& config) {
  context_.set_snapshot(std::make_unique<Snapshot>(config, context_.files, *apps_));
  for (auto& listener : listeners_) listener->apply_limits();
}

void FrontThread::add_listener(Fd fd, std::string address) {
  listeners_.push_back(std::make_unique<Listener>(context_, std::move(fd), std::move(address)));
  listeners_.back()->apply_limits();
  listeners_.back()->start();
}

void FrontThread::keep_listeners(const std::vector<std::string>& addresses) {
  std::erase_if(listeners_, [&addresses](const auto& listener) {
    return std::find(addresses.begin(), addresses.end(), listener->address()) == addresses.end();
  });
}

void FrontThread::drain(std::function<void()> drained) {
  cut_at_ = context_.loop.now() + kIdleGraceMs;
  end(std::move(drained));
}

void FrontThread::end(std::function<void()> drained) {
  context_.draining = true;
  listeners_.clear();
  apps_->on_drain();
  drained_ = std::move(drained);
  check_drained();
}

void FrontThread::hand_over(Millis limit_ms, std::function<void()> drained) {
  cut_at_ = context_.loop.now() + limit_ms;
  close_at_ = cut_at_ + kGoodbyeMs;
  end(std::move(drained));
}

void FrontThread::check_drained() {
  if (context_.loop.now() >= cut_at_) {
    cut_at_ = kNever;
    apps_->end_tunnels();
    context_.close_idle();  // of a hand-over: [limits] idle_timeout is longer than it
  }
  if (context_.loop.now() >= close_at_) context_.close_all();
  if (context_.counters.connections_open > 0) {
    context_.loop.arm(drain_timer_, context_.loop.now() + kDrainCheckMs);
    return;
  }
  context_.access_log.flush();
  drained_();
}

}  // namespace trimaran::front
