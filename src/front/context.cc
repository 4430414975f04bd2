#include "front/context.h"

#include <algorithm>

#include "front/connection.h"
#include "front/http_exchange.h"

namespace trimaran::front {

void ConnectionList::push_back(Connection& connection) {
  connection.list_previous_ = tail_;
  connection.list_next_ = nullptr;
  (tail_ ? tail_->list_next_ : head_) = &connection;
  tail_ = &connection;
}

void ConnectionList::remove(Connection& connection) {
  (connection.list_previous_ ? connection.list_previous_->list_next_ : head_) = connection.list_next_;
  (connection.list_next_ ? connection.list_next_->list_previous_ : tail_) = connection.list_previous_;
}

Context::Context(ClientTable& shared_clients) : access_log(loop, clock), files(clock), clients(shared_clients) {
  clock.update(loop.now());
}

Context::~Context() { close_all(); }

void Context::close_all() {
  while (active.front()) active.front()->close();
  close_idle();
}

void Context::close_idle() {
  while (idle.front()) idle.front()->close();
}

void Context::wake(Connection& connection) {
  if (connection.woken_) return;
  connection.woken_ = true;
  woken_.push_back(&connection);
  if (run_is_due_) return;
  run_is_due_ = true;
  loop.defer([this] { run_woken(); });
}

void Context::forget(Connection& connection) {
  if (connection.woken_) std::replace(woken_.begin(), woken_.end(), &connection, static_cast<Connection*>(nullptr));
}

void Context::run_woken() {
  // What is woken from now on waits for the next round: one busy connection must not starve the others.
  run_is_due_ = false;
  size_t count = woken_.size();
  for (size_t i = 0; i < count; ++i) {
    Connection* connection = woken_[i];
    if (!connection) continue;
    woken_[i] = nullptr;
    connection->woken_ = false;
    connection->advance();
  }
  woken_.erase(woken_.begin(), woken_.begin() + static_cast<ptrdiff_t>(count));
}

std::unique_ptr<HttpExchange> Context::take_exchange() {
  if (free_exchanges_.empty()) return std::make_unique<HttpExchange>(*this);
  auto exchange = std::move(free_exchanges_.back());
  free_exchanges_.pop_back();
  return exchange;
}

void Context::give(std::unique_ptr<HttpExchange> exchange) {
  exchange->end();
  if (free_exchanges_.size() < kFreeExchangesMax) free_exchanges_.push_back(std::move(exchange));
}

void Context::set_snapshot(std::unique_ptr<Snapshot> snapshot) {
  std::swap(snapshot_, snapshot);
  if (snapshot && snapshot->users > 0) retired_.push_back(std::move(snapshot));
}

Snapshot* Context::acquire_snapshot() {
  ++snapshot_->users;
  return snapshot_.get();
}

void Context::release_snapshot(Snapshot* snapshot) {
  if (--snapshot->users > 0 || snapshot == snapshot_.get()) return;
  std::erase_if(retired_, [snapshot](const auto& retired) { return retired.get() == snapshot; });
}

}  // namespace trimaran::front
