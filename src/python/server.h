// One thread's loop: takes requests and runs the application on each, as PEP 3333 says.
#pragma once

#include "python/call.h"
#include "python/child.h"
#include "python/environ.h"
#include "python/objects.h"
#include "python/ref.h"
#include "worker/worker.h"

namespace trimaran::python {

class Server {
 public:
  // `report(exception, method, path)` logs an exception of the application and returns one line about it.
  // `end_child`: see child.h.
  Server(worker::Worker& worker, const ObjectTypes& types, PyObject* application, PyObject* base, PyObject* report,
         PyObject* end_child);

  // Until the worker drains. False: a Python error is set.
  bool run();

 private:
  void serve(Call& call, const worker::RequestHeadView& head);
  bool send_result(Call& call, PyObject* result);
  bool close_result(PyObject* result);
  void fail(Call& call, const worker::RequestHeadView& head);
  // Wherever the application comes back.
  void only_the_worker_goes_on() {
    if (worker_.is_forked_child()) end_child(end_child_);
  }

  worker::Worker& worker_;
  const ObjectTypes& types_;
  PyObject* application_;
  PyObject* report_;
  PyObject* end_child_;
  EnvironMaker environ_;
  Ref file_wrapper_;  // the type that wsgi.file_wrapper is
  Ref close_;         // "close"
};

}  // namespace trimaran::python
