// The Python objects of an ASGI request. The *run* is the coroutine that the request's Task runs: it drives the
// application's coroutine and knows when that ends. A done callback of the Task would know it too, but costs a round of
// the loop and a copy of the context for each request. The *awaitable* is what receive() and send() return; it
// completes at once whenever it can, and waits with a future of the loop when it cannot.
//
// While the Task lives, it and the run hold each other: nobody else keeps a Task alive (asyncio holds them weakly).
#pragma once

#include <memory>

#include "python/asgi_exchange.h"
#include "python/ref.h"

namespace trimaran::python {

struct AsgiTypes {
  Ref run;
  Ref awaitable;

  bool make(PyObject* module);  // false: a Python error is set
};

// A new run that owns `exchange` and keeps `server`, the Python object of the worker. Null: a Python error is set.
Ref make_run(const AsgiTypes& types, PyObject* server, std::unique_ptr<AsgiExchange> exchange);
// Its receive and send callables; null: a Python error is set.
Ref make_receive(const Ref& run);
Ref make_send(const Ref& run);
// What the application is called with in the run's first step: in the Task, so that also what it does before its first
// `await` (a plain function may return the coroutine) is in the Task's own context.
bool set_arguments(const Ref& run, Ref arguments);  // false: a Python error is set
void set_task(const Ref& run, Ref task);

}  // namespace trimaran::python
