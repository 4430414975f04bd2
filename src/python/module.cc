// The module _trimaran: the types Worker and AsgiWorker (asgi_module.h), one of which is this process's end of its
// channels. All else that it offers are the objects that a request brings along. Start-up and logging are Python's work
// (trimaran/worker.py).
#include <signal.h>
#include <sys/prctl.h>

#include <memory>
#include <string>

#include "python/asgi_module.h"
#include "python/objects.h"
#include "python/ref.h"
#include "python/server.h"
#include "role/role.h"
#include "worker/worker.h"

namespace trimaran::python {
namespace {

struct ModuleState {
  ObjectTypes* types;
  AsgiModule* asgi;
};

struct WorkerObject {
  PyObject_HEAD worker::Worker* worker;  // owned
  const ObjectTypes* types;
  PyObject* module;  // owned: keeps the types
};

WorkerObject* as_worker(PyObject* self) { return reinterpret_cast<WorkerObject*>(self); }

PyObject* check(const Status& status) {
  if (status) Py_RETURN_NONE;
  PyErr_SetString(PyExc_OSError, status.error().message.c_str());
  return nullptr;
}

PyObject* worker_ready(PyObject* self, PyObject*) { return check(as_worker(self)->worker->send_ready()); }

PyObject* worker_failed(PyObject* self, PyObject* reason) {
  Ref text = readable_bytes(reason);
  return text ? check(as_worker(self)->worker->send_failed(bytes_view(text.get()))) : nullptr;
}

PyObject* worker_serve(PyObject* self, PyObject* arguments) {
  PyObject *application, *base, *report, *end_child;
  if (!PyArg_ParseTuple(arguments, "OOOO:serve", &application, &base, &report, &end_child)) return nullptr;
  if (!PyDict_Check(base)) {
    PyErr_SetString(PyExc_TypeError, "the environ must be a dict");
    return nullptr;
  }
  Server server(*as_worker(self)->worker, *as_worker(self)->types, application, base, report, end_child);
  if (!server.run()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* worker_before_fork(PyObject* self, PyObject*) {
  as_worker(self)->worker->before_fork();
  Py_RETURN_NONE;
}

PyObject* worker_after_fork_in_parent(PyObject* self, PyObject*) {
  as_worker(self)->worker->after_fork_in_parent();
  Py_RETURN_NONE;
}

PyObject* worker_after_fork_in_child(PyObject* self, PyObject*) {
  as_worker(self)->worker->after_fork_in_child();
  Py_RETURN_NONE;
}

void destroy_worker(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete as_worker(self)->worker;
  Py_XDECREF(as_worker(self)->module);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyMethodDef kWorkerMethods[] = {
    {"ready", as_method(worker_ready), METH_NOARGS, "ready(): tell the supervisor that the application is loaded"},
    {"failed", as_method(worker_failed), METH_O, "failed(reason): tell the supervisor that it cannot be"},
    {"serve", as_method(worker_serve), METH_VARARGS,
     "serve(application, environ, report, end_child): run the application on requests until the worker drains"},
    {"before_fork", as_method(worker_before_fork), METH_NOARGS, "before_fork(): for os.register_at_fork()"},
    {"after_fork_in_parent", as_method(worker_after_fork_in_parent), METH_NOARGS, "after_fork_in_parent(): likewise"},
    {"after_fork_in_child", as_method(worker_after_fork_in_child), METH_NOARGS, "after_fork_in_child(): likewise"},
    {}};

// connect(threads): takes over descriptor 3.
PyObject* connect(PyObject* module, PyObject* arguments) {
  int threads;
  if (!PyArg_ParseTuple(arguments, "i:connect", &threads)) return nullptr;
  Ref type(PyObject_GetAttrString(module, "Worker"));
  if (!type) return nullptr;
  auto* object = PyObject_New(WorkerObject, reinterpret_cast<PyTypeObject*>(type.get()));
  if (!object) return nullptr;
  object->worker = worker::Worker::make(inherited_link(), threads).release();
  object->types = static_cast<ModuleState*>(PyModule_GetState(module))->types;
  object->module = Ref::borrow(module).release();
  return reinterpret_cast<PyObject*>(object);
}

PyObject* connect_asgi(PyObject* module, PyObject*) {
  return static_cast<ModuleState*>(PyModule_GetState(module))->asgi->connect(module, inherited_link()).release();
}

// Of the process that started this thread's process, or has adopted it.
PyObject* die_with_parent(PyObject*, PyObject*) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return PyErr_SetFromErrno(PyExc_OSError);
  Py_RETURN_NONE;
}

PyMethodDef kModuleMethods[] = {
    {"connect", as_method(connect), METH_VARARGS, "connect(threads): the Worker on descriptor 3"},
    {"connect_asgi", as_method(connect_asgi), METH_NOARGS, "connect_asgi(): the AsgiWorker on descriptor 3"},
    {"die_with_parent", as_method(die_with_parent), METH_NOARGS,
     "die_with_parent(): this process is killed when its parent ends (prctl(2), PR_SET_PDEATHSIG)"},
    {}};

int execute(PyObject* module) {
  auto types = std::make_unique<ObjectTypes>();
  auto asgi = std::make_unique<AsgiModule>();
  if (!types->make(module) || !asgi->make(module)) return -1;
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(destroy_worker)}, {Py_tp_methods, kWorkerMethods}, {}};
  PyType_Spec spec = {"_trimaran.Worker", sizeof(WorkerObject), 0, Py_TPFLAGS_DEFAULT, slots};
  Ref worker(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (!worker || PyModule_AddObjectRef(module, "Worker", worker.get()) != 0) return -1;
  *static_cast<ModuleState*>(PyModule_GetState(module)) = {types.release(), asgi.release()};
  return 0;
}

void free_module(void* module) {
  auto* state = static_cast<ModuleState*>(PyModule_GetState(static_cast<PyObject*>(module)));
  delete state->types;
  delete state->asgi;
}

PyModuleDef_Slot kModuleSlots[] = {{Py_mod_exec, reinterpret_cast<void*>(execute)}, {}};

PyModuleDef kModule = {PyModuleDef_HEAD_INIT,
                       "_trimaran",
                       "Trimaran's worker",
                       sizeof(ModuleState),
                       kModuleMethods,
                       kModuleSlots,
                       nullptr,
                       nullptr,
                       free_module};

}  // namespace
}  // namespace trimaran::python

PyMODINIT_FUNC PyInit__trimaran() { return PyModuleDef_Init(&trimaran::python::kModule); }
