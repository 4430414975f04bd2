#include "supervisor/network_role.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "role/role.h"
#include "supervisor/open_log.h"

namespace trimaran {
namespace {

constexpr Millis kStartMs = 30'000;  // a zone of 100,000 records takes half a second; a loaded machine far longer
constexpr Millis kFrontDrainMs = 10'000;
constexpr Millis kNameserverDrainMs = 3'000;

// What a child of ours may know of our environment.
constexpr const char* kPassed[] = {"PATH",         "LANG",          "TZ",          "TRIMARAN_LOG",
                                   "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

}  // namespace

NetworkRole::NetworkRole(const Runtime& runtime, std::string name, const Deployment& deployment, Hooks hooks)
    : runtime_(runtime),
      deployment_(deployment),
      hooks_(std::move(hooks)),
      name_(std::move(name)),
      is_front_(name_ == "front"),
      current_(make_service()) {}

std::unique_ptr<Service> NetworkRole::make_service() {
  ServiceSpec spec{
      .name = name_, .kind = name_, .start_ms = kStartMs, .drain_ms = is_front_ ? kFrontDrainMs : kNameserverDrainMs};
  return std::make_unique<Service>(runtime_.loop, runtime_.log, *this, std::move(spec));
}

bool NetworkRole::is_up(const Service& service) { return service.machine().running(); }

std::vector<Service*> NetworkRole::audience() {
  if (introduced_) return {introduced_};
  if (ending_) return {};  // it needs nothing more to finish what it has
  std::vector<Service*> out;
  auto add = [&out](const std::unique_ptr<Service>& service) {
    if (service && is_up(*service)) out.push_back(service.get());
  };
  add(current_);
  add(next_);
  for (const auto& service : retiring_) add(service);
  return out;
}

std::vector<const Service*> NetworkRole::services() const {
  std::vector<const Service*> out{current_.get()};
  if (next_) out.push_back(next_.get());
  for (const auto& service : retiring_) out.push_back(service.get());
  return out;
}

void NetworkRole::send(const Message& message) {
  for (Service* service : audience()) service->send(message);
}

Result<SpawnOptions> NetworkRole::prepare(Service&) {
  SpawnOptions options;
  options.argv = {runtime_.executable, name_};
  for (const char* key : kPassed) {
    if (const char* value = std::getenv(key)) options.environment.push_back(std::string(key) + "=" + value);
  }
  options.directory = "/";
  options.user = runtime_.drop;
  return options;
}

void NetworkRole::on_started(Service& service) {
  send_deployment(service, 1);
  (&service == current_.get() ? asked_ : next_asked_) = 0;
  if (&service == current_.get()) questions_ = 0;
  introduced_ = &service;
  hooks_.started();
  introduced_ = nullptr;
  service.send({"start", {}, {}});  // last: it accepts nobody before it knows who answers
}

void NetworkRole::renew(std::function<void(const Status&)> done) {
  on_renewed_ = std::move(done);
  next_ = make_service();
  next_->start();
}

void NetworkRole::on_change(Service& service) {
  if (&service == next_.get()) {
    if (service.serving()) {
      std::swap(current_, next_);
      asked_ = next_asked_;
      questions_ = 0;
      if (owes_counters_) ask_for_counters();
      next_->hand_over(hand_over_ms());
      end_renewal({});
    } else if (service.state() == ServiceState::back_off) {
      std::string reason = service.machine().reason();
      service.drain();
      end_renewal(make_error("the new " + name_ + " failed (" + reason + "); the old one still serves"));
    }
  }
  // It died with a reload unanswered: its successor was started with that configuration, and its readiness says so.
  if (&service == current_.get() && service.serving()) {
    answer_reload();
    answer_counted();
  }
  // The service is in the middle of its own event.
  runtime_.loop.defer([this] { std::erase_if(retiring_, [](const auto& old) { return old->gone(); }); });
  hooks_.changed();
}

void NetworkRole::end_renewal(const Status& outcome) {
  retiring_.push_back(std::move(next_));
  if (auto done = std::exchange(on_renewed_, nullptr)) done(outcome);
}

// One process has the connections of all sites, so the most patient site decides.
Millis NetworkRole::hand_over_ms() const {
  if (deployment_.config.sites.empty()) return DeployConfig().drain_ms;
  Millis limit = 0;
  for (const SiteConfig& site : deployment_.config.sites) limit = std::max(limit, site.deploy.drain_ms);
  return limit;
}

void NetworkRole::drain() {
  ending_ = true;
  // With a limit: one that hands over has a far later one.
  auto end = [](Service& service) { service.drain(service.spec().drain_ms); };
  end(*current_);
  if (next_) end(*next_);
  for (const auto& service : retiring_) end(*service);
}

void NetworkRole::kill() {
  current_->kill();
  if (next_) next_->kill();
  for (const auto& service : retiring_) service->kill();
}

bool NetworkRole::gone() const {
  return current_->gone() && (!next_ || next_->gone()) &&
         std::all_of(retiring_.begin(), retiring_.end(), [](const auto& service) { return service->gone(); });
}

void NetworkRole::reload() {
  // One that is starting has the old configuration in its link: what follows there replaces it. One that hands over has
  // given its listeners back and ends with the configuration it has.
  auto tell = [this](Service& service, int& asked) {
    if (!is_up(service)) return;
    ++asked;
    send_deployment(service, deployment_.generation);
    service.send({"start", {}, {}});
  };
  owes_answer_ = up();
  tell(*current_, asked_);
  if (next_) tell(*next_, next_asked_);
}

void NetworkRole::on_ready(const Service& service) {
  if (&service != current_.get()) return;
  if (asked_ > 0) --asked_;
  answer_reload();
}

void NetworkRole::answer_reload() {
  if (asked_ == 0 && std::exchange(owes_answer_, false)) hooks_.applied();
}

void NetworkRole::send_deployment(Service& service, int generation_min) {
  // A memfd of its own for each child and time: readers of one memfd would share its offset.
  auto sources = make_memfd("trimaran-config", deployment_.sources.encode());
  if (!sources) {
    runtime_.say(sources.error().message);
    return service.kill();
  }
  Message config{"config", {{"generation", std::to_string(deployment_.generation)}}, {}};
  config.fds.push_back(std::move(*sources));
  service.send(config);
  for (const Listener& listener : deployment_.listeners.all()) {
    if (!wants(listener.kind) || listener.generation < generation_min) continue;
    auto copy = duplicate(listener.fd);
    if (!copy) {
      runtime_.say(copy.error().message);
      return service.kill();
    }
    Message message{"listener",
                    {{"kind", std::string(to_string(listener.kind))},
                     {"address", listener.configured.to_string()},
                     {"thread", std::to_string(listener.thread)}},
                    {}};
    message.fds.push_back(std::move(*copy));
    service.send(message);
  }
  if (is_front_) send_logs(service);
}

void NetworkRole::send_logs() {
  for (Service* service : audience()) send_logs(*service);
}

void NetworkRole::send_logs(Service& service) {
  const std::string& path = deployment_.config.access_log;
  if (path.empty() || path == "-" || path == "off") return;
  // Opened here, because the folder may belong to root and the front does not.
  auto file = open_log(path);
  if (!file) return runtime_.say(file.error().message);
  Message message{"logs", {}, {}};
  message.fds.push_back(std::move(*file));
  service.send(message);
}

bool NetworkRole::refresh_counters() {
  owes_counters_ = current_->serving();
  if (owes_counters_) ask_for_counters();
  return owes_counters_;
}

void NetworkRole::ask_for_counters() {
  ++questions_;
  current_->send({"status", {}, {}});
}

void NetworkRole::answer_counted() {
  if (questions_ == 0 && std::exchange(owes_counters_, false)) hooks_.counted();
}

void NetworkRole::on_message(Service& service, Message message) {
  if (message.verb == "ready") return on_ready(service);
  if (message.verb != "status") {
    // One voice: the numbers of one that hands over would look as if the workers had nothing to do.
    if (message.verb == "load" && &service != current_.get()) return;
    return hooks_.said(message);
  }
  if (&service != current_.get()) return;
  auto json = read_status(message);
  if (!json) runtime_.say(name_ + ": " + json.error().message);
  counters_ = json.value_or("{}");
  if (questions_ > 0) --questions_;
  answer_counted();
}

void NetworkRole::save(State& state) const {
  for (const Service* service : services()) {
    StateRecord& record = state.add(name_);
    service->save(record);
    record.set("current", service == current_.get() ? 1 : 0);
  }
}

Status NetworkRole::adopt(const State& state) {
  for (const StateRecord* record : state.all(name_)) {
    auto service = record->number("current") == 1 ? std::exchange(current_, nullptr) : make_service();
    if (!service) return make_error("the state has two " + name_ + " that are the current one");
    Service& adopted = *service;
    if (record->number("current") == 1)
      current_ = std::move(service);
    else
      retiring_.push_back(std::move(service));
    if (Status taken = adopted.adopt(*record); !taken) return taken;
  }
  return {};
}

}  // namespace trimaran
