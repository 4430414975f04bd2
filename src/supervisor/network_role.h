// The two children that read from the network: the front and the name server. Both are other verbs of our own program,
// both learn everything through the link (role/role.h), and a reload is the same three messages again.
//
// Each runs in generations, as everything does: renew() starts a new process beside the old one; once it serves, the
// old one hands over and ends with its last connection. One that does not get ready is thrown away, and the old one
// never hears of it. Handing live connections from process to process was rejected: half of a request's state would
// have to be written down and read by another version of the program.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "supervisor/listeners.h"
#include "supervisor/runtime.h"
#include "supervisor/service.h"

namespace trimaran {

// The configuration as it is given to children, with the sockets that belong to it. Owned by the supervisor.
struct Deployment {
  Config config;
  SourceBundle sources;
  int generation = 1;
  Listeners listeners;
};

class NetworkRole final : public ServiceOwner {
 public:
  struct Hooks {
    std::function<void()> changed;             // a service's state
    std::function<void()> started;             // a new process has its configuration, and must be told the rest
    std::function<void()> applied;             // it serves what the last reload said
    std::function<void()> counted;             // it answered the last refresh_counters(), and so all that it was told
    std::function<void(const Message&)> said;  // `hung` and `load`: what the sites must hear
  };

  // `name` is the hidden verb and the name of the service: "front" or "nameserver".
  NetworkRole(const Runtime& runtime, std::string name, const Deployment& deployment, Hooks hooks);

  // The generation that takes new connections.
  Service& service() { return *current_; }
  const Service& service() const { return *current_; }
  // Whom to tell: every generation that has a process. Those that hand over are among them: the last requests on their
  // connections need a worker too, also one that is younger than they are. Inside hooks.started only the new one: it is
  // told everything, the others know it.
  std::vector<Service*> audience();
  bool up() const { return is_up(*current_); }
  void send(const Message& message);                          // to the audience
  std::vector<const Service*> services() const;               // the current one first
  int threads() const { return deployment_.config.threads; }  // channels that each of them wants to every worker

  // Starts a new generation beside the current one. `done`: it serves and the old one hands over, or why not.
  void renew(std::function<void(const Status&)> done);
  bool renewing() const { return next_ != nullptr; }

  void drain();
  void kill();
  bool gone() const;

  // Sends the deployment again; applied() follows once the child has answered.
  void reload();
  // Opens the access log anew (after rotation); front only.
  void send_logs();
  // Asks for its counters; the answer replaces counters(), then counted() follows.
  // False: it is not up, no answer will come.
  bool refresh_counters();
  const std::string& counters() const { return counters_; }  // a JSON object, "{}" before the first answer

  // For an upgrade of the program: what another one needs to go on with all of them.
  void save(State& state) const;
  Status adopt(const State& state);

 private:
  Result<SpawnOptions> prepare(Service&) override;
  void on_started(Service&) override;
  void on_message(Service&, Message message) override;
  void on_change(Service&) override;
  static bool is_up(const Service& service);
  std::unique_ptr<Service> make_service();
  void end_renewal(const Status& outcome);
  void on_ready(const Service& service);
  void answer_reload();
  void ask_for_counters();
  void answer_counted();
  Millis hand_over_ms() const;
  // With the listeners that a child of an older generation does not have.
  void send_deployment(Service& service, int generation_min);
  void send_logs(Service& service);
  bool wants(Listener::Kind kind) const { return (kind == Listener::Kind::http) == is_front_; }

  const Runtime& runtime_;
  const Deployment& deployment_;
  Hooks hooks_;
  std::string name_;
  bool is_front_;
  std::string counters_ = "{}";
  std::unique_ptr<Service> current_, next_;
  Service* introduced_ = nullptr;  // inside hooks.started
  bool ending_ = false;            // drain() was called
  bool owes_answer_ = false;       // the current one, to the last reload
  // Reloads that they have been told since they started, and have not answered. One answer is one reload's: two quick
  // ones are in force only with the second. What a process was told before its start is answered by its being ready.
  int asked_ = 0, next_asked_ = 0;
  bool owes_counters_ = false;  // the current one; as with reloads, one answer is one question's
  int questions_ = 0;
  std::vector<std::unique_ptr<Service>> retiring_;  // hand over, or were thrown away
  std::function<void(const Status&)> on_renewed_;
};

}  // namespace trimaran
