// The type _trimaran.AsgiWorker: an AsgiServer as Python holds it (trimaran/asgi.py).
#pragma once

#include "os/message_socket.h"
#include "python/asgi_objects.h"
#include "python/ref.h"

namespace trimaran::python {

class AsgiModule {
 public:
  bool make(PyObject* module);  // false: a Python error is set
  // A new AsgiWorker on that link; null: a Python error is set.
  Ref connect(PyObject* module, MessageSocket link);

 private:
  AsgiTypes types_;
  Ref worker_type_;
};

}  // namespace trimaran::python
