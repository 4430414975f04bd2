#include "front/site_app.h"

#include <algorithm>
#include <vector>

namespace trimaran::front {

Status SiteApp::add_target(pool::TargetSpec spec) {
  pool::TargetId id = spec.id;
  pool::Generation generation = spec.generation;
  int capacity = spec.capacity;
  auto channel = pool::make_channel(loop_, pool_, std::move(spec), [this, id] { on_gone(id); });
  if (!channel) return std::unexpected(std::move(channel.error()).with_context("worker " + std::to_string(id)));
  targets_[id] = {std::move(*channel), generation};
  pool_.add_target(thread_, id, generation, capacity);
  return {};
}

void SiteApp::on_gone(pool::TargetId target) {
  auto found = targets_.find(target);
  if (found != targets_.end() && found->second.channel->gave_up()) watcher_->on_given_up(target);
  loop_.defer([this, target] { targets_.erase(target); });
}

pool::Channel* SiteApp::channel(pool::TargetId target) {
  auto found = targets_.find(target);
  return found == targets_.end() || found->second.channel->gone() ? nullptr : found->second.channel.get();
}

void SiteApp::retire(pool::TargetId target) {
  pool_.retire_target(target);
  pool::Channel* there = channel(target);
  if (!there) return;
  there->recall();
  there->retire();
}

void SiteApp::recall_without_share() {
  for (auto& [id, entry] : targets_) {
    if (!entry.channel->gone() && !pool_.has_share(entry.generation)) entry.channel->recall();
  }
}

void SiteApp::add_tunnel(TunnelOwner& owner, pool::TargetId target) {
  auto found = targets_.find(target);
  tunnels_[&owner] = found == targets_.end() ? 0 : found->second.generation;
}

void SiteApp::end_tunnels(std::optional<pool::Generation> generation) {
  std::vector<TunnelOwner*> ending;  // a tunnel that ends takes itself out of the map
  for (auto [owner, of] : tunnels_) {
    if (!generation || of == *generation) ending.push_back(owner);
  }
  auto count = static_cast<Millis>(ending.size());
  Millis all_ms = std::min(kTunnelsEndMs, count * kTunnelEndMs);
  for (Millis i = 0; i < count; ++i) ending[static_cast<size_t>(i)]->end_tunnel(i * all_ms / count);
}

void SiteApp::report_hung(pool::TargetId target, std::string_view request) {
  if (pool::Channel* there = channel(target)) there->recall();
  watcher_->on_hung(target, request);
}

}  // namespace trimaran::front
