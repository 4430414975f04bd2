#include "supervisor/service_state.h"

#include "base/assert.h"
#include "os/message_socket.h"

namespace trimaran {

std::string_view to_string(ServiceState state) {
  switch (state) {
    case ServiceState::stopped:
      return "stopped";
    case ServiceState::starting:
      return "starting";
    case ServiceState::serving:
      return "serving";
    case ServiceState::draining:
      return "draining";
    case ServiceState::back_off:
      return "back-off";
  }
  return "";
}

void ServiceMachine::enter(ServiceState state, Millis now) {
  state_ = state;
  since_ = now;
}

void ServiceMachine::start(Millis now) {
  TRIMARAN_ASSERT(!running());
  if (starts_++ > 0) ++restarts_;
  failing_ = false;
  enter(ServiceState::starting, now);
}

void ServiceMachine::ready(Millis now) {
  // A reload is answered with ready too; a draining service stays what it is.
  if (state_ != ServiceState::starting) return;
  reason_.clear();
  enter(ServiceState::serving, now);
}

// The front is told the reason in a message, which has a limit of its own and holds no NUL: both are a child's to
// break.
void ServiceMachine::failing(std::string_view reason) {
  reason_ = field_text(reason);
  failing_ = true;
}

void ServiceMachine::drain(Millis now) {
  if (state_ == ServiceState::draining || state_ == ServiceState::stopped) return;
  enter(running() ? ServiceState::draining : ServiceState::stopped, now);
}

std::optional<Millis> ServiceMachine::end(Millis now, std::string_view how) {
  TRIMARAN_ASSERT(running());
  if (state_ == ServiceState::draining) {
    enter(ServiceState::stopped, now);
    return std::nullopt;
  }
  failed_to_start_ = state_ == ServiceState::starting;
  Millis served_ms = failed_to_start_ ? 0 : now - since_;
  if (!failing_) reason_ = how;
  enter(ServiceState::back_off, now);
  return back_off_.after(served_ms);
}

void ServiceMachine::save(StateRecord& record) const {
  record.set("state", std::string(to_string(state_))).set("since", since_).set("starts", starts_);
  record.set("restarts", restarts_).set("reason", reason_).set("back_off", back_off_.delay());
  record.set("failing", failing_ ? 1 : 0).set("failed_to_start", failed_to_start_ ? 1 : 0);
}

void ServiceMachine::restore(const StateRecord& record) {
  for (ServiceState state : {ServiceState::stopped, ServiceState::starting, ServiceState::serving,
                             ServiceState::draining, ServiceState::back_off}) {
    if (record.text("state") == to_string(state)) state_ = state;
  }
  since_ = record.number("since");
  starts_ = static_cast<int>(record.number("starts"));
  restarts_ = static_cast<int>(record.number("restarts"));
  reason_ = record.text("reason");
  back_off_ = BackOff(record.number("back_off"));
  failing_ = record.number("failing") != 0;
  failed_to_start_ = record.number("failed_to_start") != 0;
}

}  // namespace trimaran
