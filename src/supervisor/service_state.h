// The life of a service as a pure state machine: events and the time go in, the state and the pause before the next
// start come out. Processes, timers and sockets are service.h's.
//
//   stopped -> starting -> serving -> draining -> stopped
//                 \___________\__ends unasked__ back_off -> starting
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "supervisor/back_off.h"
#include "supervisor/state.h"

namespace trimaran {

enum class ServiceState { stopped, starting, serving, draining, back_off };
std::string_view to_string(ServiceState state);

class ServiceMachine {
 public:
  ServiceState state() const { return state_; }
  Millis since() const { return since_; }                    // when it entered the state
  int restarts() const { return restarts_; }                 // starts after the first one
  const std::string& reason() const { return reason_; }      // why it last failed; "" once it serves again
  bool failing() const { return failing_; }                  // it has said that it is about to end
  bool failed_to_start() const { return failed_to_start_; }  // its last run ended before it was ready
  bool running() const { return state_ != ServiceState::stopped && state_ != ServiceState::back_off; }

  void start(Millis now);
  void ready(Millis now);
  // The process says why it is about to end: better words than its exit status.
  void failing(std::string_view reason);
  void drain(Millis now);
  // The process ended (or could not be started). The pause before the next start, or nothing if the end was asked for.
  std::optional<Millis> end(Millis now, std::string_view how);

  // Through an upgrade of the program; the clock goes on.
  void save(StateRecord& record) const;
  void restore(const StateRecord& record);

 private:
  void enter(ServiceState state, Millis now);

  ServiceState state_ = ServiceState::stopped;
  Millis since_ = 0;
  int starts_ = 0;
  int restarts_ = 0;
  bool failing_ = false;
  bool failed_to_start_ = false;
  std::string reason_;
  BackOff back_off_;
};

}  // namespace trimaran
