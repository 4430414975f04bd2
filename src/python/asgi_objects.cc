#include "python/asgi_objects.h"

#include <utility>

#include "python/asgi_server.h"

namespace trimaran::python {
namespace {

struct Run {
  PyObject_HEAD AsgiExchange* exchange;  // owned
  PyObject* server;                      // owned: outlives the exchange
  PyObject* arguments;                   // of the application, until it is called
  PyObject* coroutine;                   // of the application; null once it has ended
  PyObject* task;
  PyObject* linger;  // the iterator of a future, after the end
};

struct Awaitable {
  PyObject_HEAD Run* run;  // owned
  PyObject* event;         // of send(); null: this is receive()
  PyObject* future;        // while it waits
  PyObject* wait;          // and its iterator
  AsgiExchange::Progress progress;
  bool over;
};

Run* as_run(PyObject* self) { return reinterpret_cast<Run*>(self); }
Awaitable* as_awaitable(PyObject* self) { return reinterpret_cast<Awaitable*>(self); }

PyObject* iterator_of(const Ref& future) { return PyObject_CallMethod(future.get(), "__await__", nullptr); }

void forget_memory(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

// --- the awaitable: one `await receive()` or `await send(event)` ----------------------------------------------------

enum class Tried { done, not_yet, error };

Tried attempt(Awaitable* self, PyObject** result) {
  AsgiExchange& exchange = *self->run->exchange;
  if (exchange.server().is_forked_child()) {
    set_forked_child_error();
    return Tried::error;
  }
  if (!self->event) {
    Ref event = exchange.receive();
    exchange.server().said();  // the credit for what was read: it may be all that the client waits for
    if (!event) return PyErr_Occurred() ? Tried::error : Tried::not_yet;
    *result = event.release();
    return Tried::done;
  }
  AsgiExchange::Sent sent = exchange.send(self->event, self->progress);
  exchange.server().said();
  if (sent != AsgiExchange::Sent::yes) return sent == AsgiExchange::Sent::error ? Tried::error : Tried::not_yet;
  *result = Ref::borrow(Py_None).release();
  return Tried::done;
}

bool begin_wait(Awaitable* self) {
  AsgiExchange& exchange = *self->run->exchange;
  Ref future = exchange.server().create_future();
  self->wait = future ? iterator_of(future) : nullptr;
  if (!self->wait) return false;
  self->future = Ref::borrow(future.get()).release();
  if (self->event) {
    exchange.wait_for_send(std::move(future));
  } else {
    exchange.wait_for_receive(std::move(future));
  }
  return true;
}

// An application that asks again and again with a timeout (is the client still there?) must not leave a future behind
// each time.
void end_wait(Awaitable* self, bool given_up) {
  Py_CLEAR(self->wait);
  if (given_up && self->future) self->run->exchange->forget_wait(self->future);
  Py_CLEAR(self->future);
}

void give_up(Awaitable* self) {
  if (self->over) return;
  self->over = true;
  end_wait(self, true);
  if (!self->event) return;
  self->run->exchange->abandon(self->progress);
  self->run->exchange->server().said();
}

PySendResult awaitable_step(PyObject* object, PyObject*, PyObject** result) {
  Awaitable* self = as_awaitable(object);
  *result = nullptr;
  if (self->over) {
    PyErr_SetString(PyExc_RuntimeError, "this was awaited already");
    return PYGEN_ERROR;
  }
  for (;;) {
    if (self->wait) {
      PySendResult waited = PyIter_Send(self->wait, Py_None, result);
      if (waited == PYGEN_NEXT) return PYGEN_NEXT;
      end_wait(self, waited == PYGEN_ERROR);
      Py_CLEAR(*result);
      if (waited == PYGEN_ERROR) {
        give_up(self);
        return PYGEN_ERROR;
      }
    }
    Tried tried = attempt(self, result);
    if (tried == Tried::not_yet && begin_wait(self)) continue;
    self->over = true;
    return tried == Tried::done ? PYGEN_RETURN : PYGEN_ERROR;
  }
}

// --- the run --------------------------------------------------------------------------------------------------------

void end_of_request(Run* self) {
  self->exchange->finish();
  self->exchange->release();
  self->exchange->server().said();
  Py_CLEAR(self->task);
}

// False: a Python error is set.
bool call_application(Run* self) {
  Ref arguments(std::exchange(self->arguments, nullptr));
  Ref awaitable(PyObject_Call(self->exchange->server().application(), arguments.get(), nullptr));
  if (!awaitable) return false;
  // A coroutine is stepped as it is; of anything else, the iterator that `await` would use.
  if (!PyType_GetSlot(Py_TYPE(awaitable.get()), Py_am_send)) {
    awaitable = Ref(PyObject_CallMethod(awaitable.get(), "__await__", nullptr));
    if (!awaitable) {
      PyErr_SetString(PyExc_TypeError,
                      "the application must be an ASGI 3 callable: what it returned cannot be awaited");
      return false;
    }
  }
  self->coroutine = awaitable.release();
  return true;
}

// The application's coroutine has ended; with an exception set when it raised one. A cancelled Task must stay one.
PySendResult run_ended(Run* self, PyObject** result) {
  Py_CLEAR(*result);
  Py_CLEAR(self->coroutine);
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  bool cancelled = false;
  if (PyErr_Occurred()) {
    PyErr_Fetch(&type, &value, &traceback);
    cancelled = self->exchange->server().is_cancelled(type);
    if (!cancelled)
      PyErr_Restore(std::exchange(type, nullptr), std::exchange(value, nullptr), std::exchange(traceback, nullptr));
  }
  self->exchange->end(cancelled);
  if (!cancelled && self->exchange->lingers()) {
    if (Ref future = self->exchange->server().make_wait()) {
      self->linger = iterator_of(future);
      self->exchange->wait_for_receive(std::move(future));
    }
    PyErr_Clear();
    self->exchange->server().said();
    if (self->linger) return PYGEN_NEXT;  // run_step goes on with it
  }
  end_of_request(self);
  if (cancelled) {
    PyErr_Restore(type, value, traceback);
    return PYGEN_ERROR;
  }
  *result = Ref::borrow(Py_None).release();
  return PYGEN_RETURN;
}

PySendResult run_linger(Run* self, PyObject** result) {
  PySendResult waited = PyIter_Send(self->linger, Py_None, result);
  if (waited == PYGEN_NEXT) return waited;
  Py_CLEAR(self->linger);
  Py_CLEAR(*result);
  end_of_request(self);
  if (waited == PYGEN_RETURN) *result = Ref::borrow(Py_None).release();
  return waited;
}

PySendResult run_step(PyObject* object, PyObject* value, PyObject** result) {
  Run* self = as_run(object);
  *result = nullptr;
  Ref alive = Ref::borrow(object);  // the Task may be the only one that knows it
  if (self->arguments || self->coroutine) {
    bool called = self->coroutine || call_application(self);
    PySendResult status = called ? PyIter_Send(self->coroutine, value, result) : PYGEN_ERROR;
    self->exchange->server().only_the_worker_goes_on();
    if (status == PYGEN_NEXT) return status;
    status = run_ended(self, result);
    if (status != PYGEN_NEXT) return status;
  }
  if (self->linger) return run_linger(self, result);
  PyErr_SetString(PyExc_RuntimeError, "this request has ended already");
  return PYGEN_ERROR;
}

// As `arguments` of throw() say.
void set_thrown(PyObject* arguments) {
  Ref error(PyTuple_Size(arguments) > 0 ? Ref::borrow(PyTuple_GetItem(arguments, 0)) : Ref());
  if (error && PyExceptionInstance_Check(error.get())) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.get())), error.get());
  } else if (error) {
    PyErr_SetNone(error.get());
  }
}

// An exception thrown into the Task, usually CancelledError.
PyObject* run_throw(PyObject* object, PyObject* arguments) {
  Run* self = as_run(object);
  Ref alive = Ref::borrow(object);
  PyObject* result = nullptr;
  if (!self->arguments && !self->coroutine) {
    Py_CLEAR(self->linger);
    end_of_request(self);
    set_thrown(arguments);
    return nullptr;
  }
  if (self->arguments) {
    Py_CLEAR(self->arguments);  // it is never called
    set_thrown(arguments);
  } else {
    Ref method(PyObject_GetAttrString(self->coroutine, "throw"));
    Ref yielded(method ? PyObject_CallObject(method.get(), arguments) : nullptr);
    self->exchange->server().only_the_worker_goes_on();
    if (yielded) return yielded.release();
    if (PyErr_ExceptionMatches(PyExc_StopIteration)) PyErr_Clear();
  }
  PySendResult status = run_ended(self, &result);
  if (status == PYGEN_NEXT) status = run_linger(self, &result);
  if (status == PYGEN_RETURN) {
    Py_CLEAR(result);
    PyErr_SetNone(PyExc_StopIteration);
  }
  return result;
}

PyObject* run_close(PyObject* object, PyObject*) {
  Run* self = as_run(object);
  if (self->coroutine) {
    Ref closed(PyObject_CallMethod(self->coroutine, "close", nullptr));
    if (!closed) return nullptr;
  }
  Py_RETURN_NONE;
}

// What debuggers and `Task.print_stack` ask a coroutine for (cr_frame, cr_code, __qualname__) is the application's.
PyObject* run_attribute(PyObject* object, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(object, name);
  if (found || !as_run(object)->coroutine || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyErr_Clear();
  return PyObject_GetAttr(as_run(object)->coroutine, name);
}

void destroy_run(PyObject* object) {
  Run* self = as_run(object);
  Py_CLEAR(self->arguments);
  Py_CLEAR(self->coroutine);
  Py_CLEAR(self->linger);
  Py_CLEAR(self->task);
  delete self->exchange;
  Py_CLEAR(self->server);
  forget_memory(object);
}

void destroy_awaitable(PyObject* object) {
  Awaitable* self = as_awaitable(object);
  if (self->progress.begun) give_up(self);
  end_wait(self, true);
  Py_CLEAR(self->event);
  Py_CLEAR(self->run);
  forget_memory(object);
}

// --- what both share with coroutines --------------------------------------------------------------------------------

template <PySendResult (*step)(PyObject*, PyObject*, PyObject**)>
PyObject* method_send(PyObject* self, PyObject* value) {
  PyObject* result = nullptr;
  PySendResult status = step(self, value, &result);
  if (status != PYGEN_RETURN) return result;
  PyErr_SetObject(PyExc_StopIteration, result);
  Py_CLEAR(result);
  return nullptr;
}

template <PySendResult (*step)(PyObject*, PyObject*, PyObject**)>
PyObject* iterate(PyObject* self) {
  return method_send<step>(self, Py_None);
}

PyObject* awaitable_throw(PyObject* object, PyObject* arguments) {
  give_up(as_awaitable(object));
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  if (!PyArg_UnpackTuple(arguments, "throw", 1, 3, &type, &value, &traceback)) return nullptr;
  if (PyExceptionInstance_Check(type)) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(type)), type);
  } else {
    PyErr_SetObject(type, value ? value : Py_None);
  }
  return nullptr;
}

PyObject* awaitable_close(PyObject* object, PyObject*) {
  give_up(as_awaitable(object));
  Py_RETURN_NONE;
}

Ref make_awaitable(PyObject* run, PyObject* event) {
  const AsgiTypes& types = as_run(run)->exchange->server().types();
  auto* object = PyObject_New(Awaitable, reinterpret_cast<PyTypeObject*>(types.awaitable.get()));
  if (!object) return {};
  object->run = as_run(Ref::borrow(run).release());
  object->event = Ref::borrow(event).release();
  object->future = object->wait = nullptr;
  object->progress = {};
  object->over = false;
  return Ref(reinterpret_cast<PyObject*>(object));
}

PyObject* call_receive(PyObject* run, PyObject*) { return make_awaitable(run, nullptr).release(); }
PyObject* call_send(PyObject* run, PyObject* event) { return make_awaitable(run, event).release(); }

PyMethodDef kReceive = {"receive", as_method(call_receive), METH_NOARGS, "receive(): the next ASGI event"};
PyMethodDef kSend = {"send", as_method(call_send), METH_O, "send(event): an ASGI event"};

PyMethodDef kRunMethods[] = {{"send", as_method(method_send<run_step>), METH_O, nullptr},
                             {"throw", as_method(run_throw), METH_VARARGS, nullptr},
                             {"close", as_method(run_close), METH_NOARGS, nullptr},
                             {}};
PyMethodDef kAwaitableMethods[] = {{"send", as_method(method_send<awaitable_step>), METH_O, nullptr},
                                   {"throw", as_method(awaitable_throw), METH_VARARGS, nullptr},
                                   {"close", as_method(awaitable_close), METH_NOARGS, nullptr},
                                   {}};

template <class Function>
void* slot(Function* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

bool AsgiTypes::make(PyObject* module) {
  PyType_Slot run_slots[] = {{Py_tp_dealloc, slot(destroy_run)},
                             {Py_tp_getattro, slot(run_attribute)},
                             {Py_tp_methods, kRunMethods},
                             {Py_am_await, slot(PyObject_SelfIter)},
                             {Py_am_send, slot(run_step)},
                             {Py_tp_iter, slot(PyObject_SelfIter)},
                             {Py_tp_iternext, slot(iterate<run_step>)},
                             {}};
  PyType_Slot awaitable_slots[] = {{Py_tp_dealloc, slot(destroy_awaitable)},
                                   {Py_tp_methods, kAwaitableMethods},
                                   {Py_am_await, slot(PyObject_SelfIter)},
                                   {Py_am_send, slot(awaitable_step)},
                                   {Py_tp_iter, slot(PyObject_SelfIter)},
                                   {Py_tp_iternext, slot(iterate<awaitable_step>)},
                                   {}};
  PyType_Spec run_spec = {"_trimaran.Run", sizeof(Run), 0, Py_TPFLAGS_DEFAULT, run_slots};
  PyType_Spec awaitable_spec = {"_trimaran.Awaitable", sizeof(Awaitable), 0, Py_TPFLAGS_DEFAULT, awaitable_slots};
  run = Ref(PyType_FromModuleAndSpec(module, &run_spec, nullptr));
  awaitable = Ref(PyType_FromModuleAndSpec(module, &awaitable_spec, nullptr));
  return run && awaitable;
}

Ref make_run(const AsgiTypes& types, PyObject* server, std::unique_ptr<AsgiExchange> exchange) {
  auto* object = PyObject_New(Run, reinterpret_cast<PyTypeObject*>(types.run.get()));
  if (!object) return {};
  object->exchange = exchange.release();
  object->server = Ref::borrow(server).release();
  object->arguments = object->coroutine = object->task = object->linger = nullptr;
  return Ref(reinterpret_cast<PyObject*>(object));
}

Ref make_receive(const Ref& run) { return Ref(PyCFunction_NewEx(&kReceive, run.get(), nullptr)); }
Ref make_send(const Ref& run) { return Ref(PyCFunction_NewEx(&kSend, run.get(), nullptr)); }

bool set_arguments(const Ref& run, Ref arguments) {
  as_run(run.get())->arguments = arguments.release();
  return as_run(run.get())->arguments != nullptr;
}

void set_task(const Ref& run, Ref task) {
  // With an eager task factory it may have ended already.
  Run* self = as_run(run.get());
  if (self->arguments || self->coroutine || self->linger) self->task = task.release();
}

}  // namespace trimaran::python
