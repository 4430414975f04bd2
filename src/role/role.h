// The line between the supervisor and each of its children. It is descriptor 3 in every child (a MessageSocket); what
// travels on it is listed here and nowhere else. Children learn everything from it: no child opens a listener, reads
// the site file or knows where another child is. That is what makes each of them replaceable while the site serves.
//
// Supervisor to a child:
//   config    {generation}                  fds: memfd of SourceBundle::encode()      front, nameserver
//   listener  {kind, address, thread}       fds: one socket                            front (kind http), nameserver
//                                                                                      (kind dns-udp, dns-tcp)
//   start     {}                            everything needed was sent; answer with ready
//   app       {site, state, reason, log}    state: starting | serving | paused |       front
//                                           broken; log: what the worker that failed
//                                           said last, in dev mode only
//   target    {site, generation, worker, pid, capacity, protocol, thread}              front: one message per front
//                                           protocol worker: fds: channel socket,      thread; `worker` is unique for
//                                           ledger memfd; http, fastcgi: {address,     ever in one supervisor's life
//                                           root}, fds: a lease, closed when the
//                                           front is done with the target
//   shares    {site, shares}                shares: "7=90 8=10", percent of the        front: a generation that is not
//                                           requests that each generation gets         named gets none (it is warm)
//   retire    {site, worker}                no new request for this worker             front
//   cut       {site, generation}            the drain limit: its tunnels end, 1012     front
//   load      {}                            answer with one load message for each app  front
//   channel   {}                            fds: channel socket, ledger memfd          worker: its ends of a target
//   logs      {}                            fds: access log opened for append          front: at start and to reopen
//   fork      {TRIMARAN_WORKER,             fds: a new worker's link and its log       preload: fork it; the fields
//              TRIMARAN_RECYCLE}                                                       go into its environment
//   status    {}                            answer with status                         all
//   drain     {limit_ms}                    finish what is under way, then exit 0      all
//   hand-over {limit_ms}                    the same, for a successor that serves      front, nameserver
//                                           already: no connection is closed but by
//                                           its own response, until the limit
//
// A child to the supervisor:
//   ready     {...}                         it serves (worker: the app is imported and healthy)
//   failed    {reason}                      it cannot; it exits soon after
//   status    {json}                        counters, a JSON object; one that is larger than a message comes instead
//                                           as fds: a sealed memfd (status_message())
//   recycle   {reason}                      worker: start my successor, then retire me
//   forked    {pid}                         worker: its first word, if the preload process forked it
//   hung      {site, worker, request}       front: this worker let a request run into its timeout
//   given-up  {site, worker}                front: it has closed its channel to this worker, which lives
//   load      {site, busy, capacity, queued}   front
//
// After an upgrade of the program a front that hands over and the workers are of another version than the supervisor: a
// message or a field that one of them does not know is left alone.
//
// A reload is: config, (listener ...), start. The end of the line (EOF) means the supervisor is gone: a child exits.
#pragma once

#include <signal.h>

#include <string>

#include "os/event_loop.h"
#include "os/message_socket.h"

namespace trimaran {

constexpr int kRoleLinkFd = 3;

// A worker of ours that gets this signal writes a traceback of every thread to its log, and goes on (kinds wsgi, asgi
// and native). SIGRTMIN is no constant: libc keeps the first real-time signals for itself.
inline int traceback_signal() { return SIGRTMIN + 3; }

// Who the worker is, beyond the link: environment variables set by the supervisor.
//   TRIMARAN_SITE     foobar.com
//   TRIMARAN_WORKER   the worker's number, unique
//   TRIMARAN_APP      "module:callable" or the path of a .so
//   TRIMARAN_KIND     wsgi, asgi or native
//   TRIMARAN_RELEASE  the release's id, "" while nothing was deployed
//   TRIMARAN_PRELOAD  "1": this is no worker but the preload process, which imports the application once and forks the
//                     workers; each of them is the supervisor's child at once (os/process.h, adopt_orphans())
//   TRIMARAN_DEV      "1": tracebacks may be shown in the browser
//   TRIMARAN_RECYCLE  "requests=1000": after so many the worker says `recycle`, jitter included; 0: never. Its lifetime
//                     and its memory are watched by the supervisor, for every kind of application alike
//   TRIMARAN_THREADS  threads that run the application
//   TRIMARAN_HEALTH   a path such as /healthz, or "": before `ready` the worker asks the application for it, in its own
//                     process; an answer of 400 or above, or none, is `failed`
//   DATABASE_URL      sqlite:////abs/site.db or mysql://USER@localhost/DB?unix_socket=/abs/db.sock

// A child's end of the link, served by its event loop.
class RoleLink final : public IoHandler {
 public:
  using OnMessage = std::function<void(Message)>;
  using OnGone = std::function<void()>;

  // Takes over descriptor `fd` (kRoleLinkFd in a real child).
  RoleLink(EventLoop& loop, MessageSocket socket, OnMessage on_message, OnGone on_gone);
  ~RoleLink() override;

  void send(const Message& message);  // a failure means the supervisor is gone: on_gone is called in time
  void on_io(uint32_t events) override;

 private:
  EventLoop& loop_;
  MessageSocket socket_;
  OnMessage on_message_;
  OnGone on_gone_;
};

// The message `status` for these counters, and the counters of one. Reading never waits for whoever sent it: a
// descriptor must be of a sealed memfd.
Result<Message> status_message(std::string json);
Result<std::string> read_status(const Message& message);

// The link of this process: descriptor 3, close-on-exec from now on.
MessageSocket inherited_link();

}  // namespace trimaran
