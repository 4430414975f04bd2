#include "python/objects.h"

#include <limits>

#include "python/child.h"

namespace trimaran::python {
namespace {

Call* call_of(PyObject* self) {
  Call* call = reinterpret_cast<CallObject*>(self)->call;
  if (!call) PyErr_SetString(PyExc_ValueError, "the request is over");
  if (!call || !call->is_forked_child()) return call;
  set_forked_child_error();
  return nullptr;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

// The optional size of read(), readline() and readlines(): None and negative mean no limit. False: an error is set.
bool size_argument(PyObject* const* arguments, Py_ssize_t count, size_t& size) {
  size = std::numeric_limits<size_t>::max();
  if (count > 1) {
    PyErr_SetString(PyExc_TypeError, "at most one argument, the size, is expected");
    return false;
  }
  if (count == 0 || arguments[0] == Py_None) return true;
  Py_ssize_t given = PyNumber_AsSsize_t(arguments[0], PyExc_OverflowError);
  if (given == -1 && PyErr_Occurred()) return false;
  if (given >= 0) size = static_cast<size_t>(given);
  return true;
}

PyObject* input_read(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  size_t size;
  Call* call = call_of(self);
  if (!call || !size_argument(arguments, count, size)) return nullptr;
  return call->read(size, false).release();
}

PyObject* input_readline(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  size_t size;
  Call* call = call_of(self);
  if (!call || !size_argument(arguments, count, size)) return nullptr;
  return call->read(size, true).release();
}

PyObject* input_next(PyObject* self) {
  Call* call = call_of(self);
  if (!call) return nullptr;
  Ref line = call->read(std::numeric_limits<size_t>::max(), true);
  if (!line || bytes_view(line.get()).empty()) return nullptr;  // without an error this is StopIteration
  return line.release();
}

// Like io.IOBase.readlines: `hint` stops after the line that reaches it.
PyObject* input_readlines(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  size_t hint;
  if (!size_argument(arguments, count, hint)) return nullptr;
  Ref lines(PyList_New(0));
  size_t total = 0;
  while (lines && total < hint) {
    Ref line(input_next(self));
    if (!line && PyErr_Occurred()) return nullptr;
    if (!line) break;
    total += bytes_view(line.get()).size();
    if (PyList_Append(lines.get(), line.get()) != 0) return nullptr;
  }
  return lines.release();
}

PyObject* write_bytes(PyObject* self, PyObject* bytes) {
  Call* call = call_of(self);
  if (!call || !call->write(bytes)) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef kWriteMethod = {"write", as_method(write_bytes), METH_O, "write(bytes): sends body bytes at once"};

PyObject* call_start_response(PyObject* self, PyObject* arguments, PyObject* keywords) {
  PyObject *status = nullptr, *headers = nullptr, *exc_info = nullptr;
  Py_ssize_t count = PyTuple_Size(arguments);
  if (!keywords && (count == 2 || count == 3)) {  // the only way that PEP 3333 knows
    status = PyTuple_GetItem(arguments, 0);
    headers = PyTuple_GetItem(arguments, 1);
    if (count == 3) exc_info = PyTuple_GetItem(arguments, 2);
  } else {
    const char* names[] = {"status", "headers", "exc_info", nullptr};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|O:start_response", const_cast<char**>(names), &status,
                                     &headers, &exc_info)) {
      return nullptr;
    }
  }
  Call* call = call_of(self);
  if (!call || !call->start(status, headers, exc_info)) return nullptr;
  return PyCFunction_NewEx(&kWriteMethod, self, nullptr);
}

PyMethodDef kInputMethods[] = {
    {"read", as_method(input_read), METH_FASTCALL, "read(size=-1): bytes of the request body"},
    {"readline", as_method(input_readline), METH_FASTCALL, "readline(size=-1): the next line of the request body"},
    {"readlines", as_method(input_readlines), METH_FASTCALL, "readlines(hint=-1): the lines of the request body"},
    {}};

template <class Function>
void* slot(Function* function) {
  return reinterpret_cast<void*>(function);
}

Ref make_type(PyObject* module, const char* name, PyType_Slot* slots) {
  PyType_Spec spec = {name, sizeof(CallObject), 0, Py_TPFLAGS_DEFAULT, slots};
  return Ref(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

}  // namespace

bool ObjectTypes::make(PyObject* module) {
  PyType_Slot input_slots[] = {{Py_tp_dealloc, slot(destroy)},
                               {Py_tp_methods, kInputMethods},
                               {Py_tp_iter, slot(PyObject_SelfIter)},
                               {Py_tp_iternext, slot(input_next)},
                               {}};
  PyType_Slot start_slots[] = {{Py_tp_dealloc, slot(destroy)}, {Py_tp_call, slot(call_start_response)}, {}};
  input = make_type(module, "_trimaran.Input", input_slots);
  start_response = make_type(module, "_trimaran.StartResponse", start_slots);
  return input && start_response;
}

Ref make_object(const Ref& type, Call* call) {
  auto* object = PyObject_New(CallObject, reinterpret_cast<PyTypeObject*>(type.get()));
  if (object) object->call = call;
  return Ref(reinterpret_cast<PyObject*>(object));
}

}  // namespace trimaran::python
