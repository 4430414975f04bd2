// Runs an ASGI application for the requests of this worker, inside the application's own event loop: the loop watches
// one descriptor and calls poll(), each request becomes a Task of its own, and what they say leaves once in each round.
#pragma once

#include <memory>
#include <string>

#include "os/message_socket.h"
#include "python/asgi_names.h"
#include "python/asgi_objects.h"
#include "python/asgi_scope.h"
#include "python/child.h"
#include "python/ref.h"
#include "worker/async_worker.h"

namespace trimaran::python {

class AsgiServer final : private worker::AsyncWorker::Events {
 public:
  // What the application's side gives; all borrowed for the call of start() only.
  struct Setup {
    PyObject* application;
    PyObject* loop;
    PyObject* http;             // the scope that every request has
    PyObject* websocket;        // likewise
    PyObject* state;            // of the lifespan, or null
    PyObject* report;           // report(exception, method, path) logs an exception and returns one line about it
    PyObject* accept_key;       // accept_key(key) is the Sec-WebSocket-Accept for a Sec-WebSocket-Key, as bytes
    PyObject* make_wait;        // make_wait() is a future that is done after the time that a closing WebSocket is given
    PyObject* cancelled_error;  // asyncio.CancelledError
    PyObject* drained;          // drained() is called once, when the worker may end
    PyObject* plain_task;       // what the loop's create_task() makes while there is no task factory; None: ask it
    PyObject* end_child;        // see child.h
  };

  // `self` is the Python object that owns this server and whose flush() calls flush(); borrowed.
  AsgiServer(MessageSocket link, const AsgiTypes& types, PyObject* self);

  worker::AsyncWorker& worker() { return worker_; }
  // False: a Python error is set. Before it poll() must not be called.
  bool start(const Setup& setup);
  bool poll();
  bool flush();

  // For the exchanges.
  const AsgiNames& names() const { return names_; }
  std::string report(PyObject* exception, const worker::RequestHeadView& head);
  Ref create_future();
  void set_done(PyObject* future);  // unless it is done or cancelled
  Ref make_wait() { return Ref(PyObject_CallNoArgs(make_wait_.get())); }
  Ref accept_key(std::string_view key);
  // What was said, if anything was, leaves at the end of this round of the loop; and a drain may be complete then.
  void said() {
    if (worker_.wants_flush() || worker_.draining()) schedule_flush();
  }
  const AsgiTypes& types() const { return types_; }
  PyObject* application() const { return application_.get(); }
  bool is_forked_child() const { return worker_.is_forked_child(); }
  // Wherever the application, or its loop, comes back.
  void only_the_worker_goes_on() const {
    if (is_forked_child()) end_child(end_child_.get());
  }
  bool is_cancelled(PyObject* exception_type) const {
    return PyErr_GivenExceptionMatches(exception_type, cancelled_error_.get());
  }

 private:
  void on_request(std::unique_ptr<worker::AsyncRequest> request) override;
  bool run(AsgiExchange& exchange, const Ref& object, bool websocket);
  bool look_for_task_factory();
  Ref create_task(PyObject* coroutine);
  void schedule_flush();
  bool tell_drained();

  worker::AsyncWorker worker_;
  const AsgiTypes& types_;
  PyObject* self_;
  AsgiNames names_;
  std::unique_ptr<ScopeMaker> scopes_;
  Ref application_, report_, accept_key_, make_wait_, drained_, end_child_;
  Ref create_task_, create_future_, call_soon_, flush_, done_, set_result_, cancelled_error_;
  // Most of what loop.create_task() costs is to find out that nobody has a special wish, and to number the Task.
  Ref plain_task_, task_arguments_, get_task_factory_;
  bool tasks_are_plain_ = false;
  bool flush_scheduled_ = false;
  bool told_drained_ = false;
};

}  // namespace trimaran::python
