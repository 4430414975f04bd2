#include "python/asgi_module.h"

#include "python/asgi_server.h"

namespace trimaran::python {
namespace {

struct AsgiWorkerObject {
  PyObject_HEAD AsgiServer* server;  // owned
  PyObject* module;                  // owned: keeps the types
};

AsgiServer& server_of(PyObject* self) { return *reinterpret_cast<AsgiWorkerObject*>(self)->server; }

PyObject* check(const Status& status) {
  if (status) Py_RETURN_NONE;
  PyErr_SetString(PyExc_OSError, status.error().message.c_str());
  return nullptr;
}

PyObject* none_if(bool good) {
  if (!good) return nullptr;
  Py_RETURN_NONE;
}

PyObject* ready(PyObject* self, PyObject*) { return check(server_of(self).worker().send_ready()); }

PyObject* failed(PyObject* self, PyObject* reason) {
  Ref text = readable_bytes(reason);
  return text ? check(server_of(self).worker().send_failed(bytes_view(text.get()))) : nullptr;
}

PyObject* fileno(PyObject* self, PyObject*) { return PyLong_FromLong(server_of(self).worker().fd()); }

PyObject* start(PyObject* self, PyObject* arguments, PyObject* keywords) {
  AsgiServer::Setup setup{};
  const char* names[] = {"application", "loop",       "http",      "websocket",       "state",
                         "report",      "accept_key", "make_wait", "cancelled_error", "drained",
                         "plain_task",  "end_child",  nullptr};
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOO!O!OOOOOOOO:start", const_cast<char**>(names),
                                   &setup.application, &setup.loop, &PyDict_Type, &setup.http, &PyDict_Type,
                                   &setup.websocket, &setup.state, &setup.report, &setup.accept_key, &setup.make_wait,
                                   &setup.cancelled_error, &setup.drained, &setup.plain_task, &setup.end_child)) {
    return nullptr;
  }
  if (setup.state == Py_None) setup.state = nullptr;
  return none_if(server_of(self).start(setup));
}

PyObject* after_fork_in_child(PyObject* self, PyObject*) {
  server_of(self).worker().after_fork_in_child();
  Py_RETURN_NONE;
}

PyObject* poll(PyObject* self, PyObject*) { return none_if(server_of(self).poll()); }
PyObject* flush(PyObject* self, PyObject*) { return none_if(server_of(self).flush()); }

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete &server_of(self);
  Py_XDECREF(reinterpret_cast<AsgiWorkerObject*>(self)->module);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyMethodDef kMethods[] = {
    {"ready", as_method(ready), METH_NOARGS, "ready(): tell the supervisor that the application is loaded"},
    {"failed", as_method(failed), METH_O, "failed(reason): tell the supervisor that it cannot be"},
    {"fileno", as_method(fileno), METH_NOARGS, "fileno(): readable when poll() has something to do"},
    {"start", as_method(start), METH_VARARGS | METH_KEYWORDS, "start(...): from now on poll() may be called"},
    {"poll", as_method(poll), METH_NOARGS, "poll(): reads what has come and starts a Task for each request"},
    {"flush", as_method(flush), METH_NOARGS, "flush(): what was said leaves"},
    {"after_fork_in_child", as_method(after_fork_in_child), METH_NOARGS,
     "after_fork_in_child(): for os.register_at_fork()"},
    {}};

}  // namespace

bool AsgiModule::make(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(destroy)}, {Py_tp_methods, kMethods}, {}};
  PyType_Spec spec = {"_trimaran.AsgiWorker", sizeof(AsgiWorkerObject), 0, Py_TPFLAGS_DEFAULT, slots};
  worker_type_ = Ref(PyType_FromModuleAndSpec(module, &spec, nullptr));
  return worker_type_ && types_.make(module);
}

Ref AsgiModule::connect(PyObject* module, MessageSocket link) {
  auto* object = PyObject_New(AsgiWorkerObject, reinterpret_cast<PyTypeObject*>(worker_type_.get()));
  if (!object) return {};
  object->server = new AsgiServer(std::move(link), types_, reinterpret_cast<PyObject*>(object));
  object->module = Ref::borrow(module).release();
  return Ref(reinterpret_cast<PyObject*>(object));
}

}  // namespace trimaran::python
