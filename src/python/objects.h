// The objects that an application is given with each request: wsgi.input and start_response. They only know the call
// that they belong to, and forget it when the request ends.
#pragma once

#include "python/call.h"
#include "python/ref.h"

namespace trimaran::python {

struct CallObject {
  PyObject_HEAD Call* call;  // null: the request is over
};

struct ObjectTypes {
  Ref input;
  Ref start_response;

  // False: a Python error is set.
  bool make(PyObject* module);
};

// A new object of one of those types that belongs to `call`; null: a Python error is set.
Ref make_object(const Ref& type, Call* call);
inline void forget_call(const Ref& object) { reinterpret_cast<CallObject*>(object.get())->call = nullptr; }

}  // namespace trimaran::python
