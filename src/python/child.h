// A process that the application forked and that comes out of the application, by its return or by an exception, as
// sys.exit() is one. It has all the memory of a worker and must not go on as one: its requests are the worker's.
#pragma once

#include "python/ref.h"

namespace trimaran::python {

// Ends this process. `end_child(exception)` is trimaran/child.py's; it gets the Python error, if one is set.
[[noreturn]] void end_child(PyObject* end_child);
// For what the application calls in such a process.
void set_forked_child_error();

}  // namespace trimaran::python
