#include "python/child.h"

#include <unistd.h>

namespace trimaran::python {

void end_child(PyObject* end_child) {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (type) PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  PyObject_CallFunctionObjArgs(end_child, value ? value : Py_None, nullptr);
  ::_exit(1);  // it does not return, but for an error of its own
}

void set_forked_child_error() {
  PyErr_SetString(PyExc_RuntimeError, "this process was forked by the application: the request is the worker's");
}

}  // namespace trimaran::python
