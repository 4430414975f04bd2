// One child process for life: started, proved ready, watched, started again when it dies, drained when it is time. The
// rules are service_state.h's; here are the process, its link, its log and its deadlines. What a service *is* (its
// command, what it must be told) is its owner's business.
#pragma once

#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "os/event_loop.h"
#include "os/message_socket.h"
#include "os/process.h"
#include "supervisor/log_pump.h"
#include "supervisor/service_state.h"
#include "supervisor/systemd.h"
#include "supervisor/watch.h"

namespace trimaran {

class ProcessGroups;
class Service;

class ServiceOwner {
 public:
  virtual ~ServiceOwner() = default;
  // The command of the next start; the service adds the link, the log and, for `notify`, NOTIFY_SOCKET. An error is a
  // failed start: it is logged, and tried again after the pause.
  virtual Result<SpawnOptions> prepare(Service& service) = 0;
  // Starts it. A process without a pid is one that somebody else starts: forked() is called once it runs. If the other
  // end of its link is closed before, it is launched once more, at most kLaunchesMax times in one start.
  virtual Result<Process> launch(Service&, const SpawnOptions& options) { return spawn(options); }
  virtual void on_started(Service&) {}           // the process runs and can be sent messages
  virtual void on_message(Service&, Message) {}  // other than ready and failed
  virtual void on_change(Service&) {}            // its state is another one
};

struct ServiceSpec {
  // running: it serves as soon as it runs. exit: runs once; serving never, stopped at its end. owner: a stranger's
  // program; its owner calls prove().
  enum class Evidence { role_link, sd_notify, running, exit, owner };
  std::string name;  // in logs and status: "front", "app foobar.com/1"
  std::string kind;  // "front", "nameserver", "worker", "database"
  Evidence evidence = Evidence::role_link;
  Millis start_ms = 15'000;         // not ready by then: killed, a failed start
  std::string start_key = "";       // the key of the site file that says so and its value, for messages
  Millis drain_ms = 10'000;         // not gone by then: killed
  LogSink* output = nullptr;        // where its lines go; nullptr: to ours
  int drain_signal = SIGTERM;       // for a program without a link
  ProcessGroups* groups = nullptr;  // where its group is recorded, of a program that may have children
  bool log_if_failed = false;       // what it says is shown only if it ends with anything but status 0
};

class Service {
 public:
  Service(EventLoop& loop, LogSink& log, ServiceOwner& owner, ServiceSpec spec);
  ~Service();  // kills what still runs

  // Taken from a child's line at a time, so that one that never stops talking shares the loop with the others. At its
  // end all that the kernel can hold of such messages (some 280) is heard, for its last words are among them.
  static constexpr int kMessagesAtOnce = 64;
  static constexpr int kMessagesAtEnd = 1'024;

  // Whoever was asked to fork may have ended before it read that; one that ends again and again is its own trouble.
  static constexpr int kLaunchesMax = 3;
  // What is left of its group after its end is killed, and has so long to be gone; then the service ends without it.
  static constexpr Millis kGroupMs = 5'000;
  static constexpr Millis kGroupLookMs = 10;  // between two looks

  // No effect while it runs. During a pause: starts now.
  void start();
  // Asks it to finish what is under way and to end; kills it at its deadline.
  void drain() {
    if (state() != ServiceState::draining) drain(spec_.drain_ms);
  }
  // With a limit of its own; one that drains already gets it if that is sooner.
  void drain(Millis limit_ms);
  // The same for one whose successor serves already: it ends its idle connections in their own time, and cuts what is
  // left at the limit itself; we have spec().drain_ms more for it.
  void hand_over(Millis limit_ms);
  // The process that launch() had promised.
  void forked(Process process);
  // Evidence::owner, or one that is not forked yet: it serves; or it never will, for this reason, and is killed.
  void prove();
  void disprove(std::string_view reason);
  // The end of a pause or of a drain, now.
  void kill();
  // Hears every line that the process says, besides the log.
  void listen(LineSplitter::OnLine on_line) { pump_.listen(std::move(on_line)); }
  // A child that cannot be told things any more is killed; its next start tells it everything again. False: it was not
  // told this.
  bool send(const Message& message);

  // For an upgrade of the program: what another one needs to go on with the process, which never notices. adopt() is
  // for a service that was never started; an error leaves it so. The owner writes into the same record, under keys of
  // its own: what is written twice is what was written last.
  void save(StateRecord& record) const;
  Status adopt(const StateRecord& record);

  const ServiceSpec& spec() const { return spec_; }
  const std::string& name() const { return spec_.name; }
  const ServiceMachine& machine() const { return machine_; }
  ServiceState state() const { return machine_.state(); }
  bool serving() const { return state() == ServiceState::serving; }
  bool gone() const { return state() == ServiceState::stopped; }
  pid_t pid() const { return process_.pid; }
  const std::optional<Exit>& last_exit() const { return last_exit_; }
  bool ended_well() const { return last_exit_ && !last_exit_->signaled && last_exit_->code == 0; }
  // What it wrote last, since its last start.
  std::vector<std::string> last_lines() const { return pump_.last_lines(); }

 private:
  Status spawn_process();
  void watch_process();
  void record_group();
  void forget_group();
  void kill_group();
  void not_forked();
  void on_link(int messages_max);
  void on_notice();
  void proved_ready();
  void on_exit();
  void await_group();
  void ended(std::string_view how);
  void ask_to_end();
  void overdue(std::string_view what, const std::string& key = "");
  void end_within(Millis limit_ms, const char* verb, Millis grace_ms);
  void log(std::string_view text) { log_.line("trimaran", spec_.name + " " + std::string(text)); }

  EventLoop& loop_;
  LogSink& log_;
  ServiceOwner& owner_;
  ServiceSpec spec_;
  ServiceMachine machine_;
  Process process_;
  MessageSocket link_;
  NoticeSocket notices_;
  LogPump pump_;
  std::optional<Exit> last_exit_;
  int launches_ = 0;  // of this start
  ReadWatch exit_watch_;
  ReadWatch link_watch_;
  Alarm deadline_;  // of the start or the drain
  Alarm restart_;
  Alarm group_look_;
  Millis group_until_ = 0;  // while its group is waited for
};

}  // namespace trimaran
