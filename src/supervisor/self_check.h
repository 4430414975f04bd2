// The question to another version of our program, while nothing has happened yet: could you take over from us? It is
// started as a child, reads the state that it would be given, and says yes (`ready`) or why not (`failed`). A program
// that says nothing, ends or cannot be executed says no. Without this, a broken binary would be an outage: after
// execve(2) nobody is left who could go back.
#pragma once

#include <functional>
#include <string>

#include "config/config.h"
#include "supervisor/runtime.h"
#include "supervisor/service.h"
#include "supervisor/state.h"

namespace trimaran {

// What one program leaves to the next, read and checked.
struct Heritage {
  State state;
  SourceBundle sources;
  Config config;
};
// An error: this program could not take over. Touches no descriptor of the state.
Result<Heritage> read_heritage(const Fd& memfd);

class SelfCheck final : public ServiceOwner {
 public:
  static constexpr Millis kAnswerMs = 20'000;  // it reads a file; a machine under load takes its time to load a program

  // `done` is called once, when the child is gone; never from inside a call.
  SelfCheck(const Runtime& runtime, std::string binary, Fd state, std::function<void(const Status&)> done);

 private:
  Result<SpawnOptions> prepare(Service&) override;
  void on_started(Service&) override;
  void on_change(Service&) override;

  const Runtime& runtime_;
  std::string binary_;
  Fd state_;
  std::function<void(const Status&)> done_;
  Status outcome_;
  Service service_;
};

// Where the next program finds the number of the descriptor of its state: an environment variable, so that what a
// person sees of the process (ps, systemctl) is the command that he knows.
constexpr const char* kStateVariable = "TRIMARAN_STATE";

// The other end: the hidden verb check-upgrade.
int check_upgrade_main();

}  // namespace trimaran
