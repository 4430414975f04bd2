#include "python/asgi_exchange.h"

#include <string>
#include <utility>

#include "python/asgi_server.h"

namespace trimaran::python {

AsgiExchange::AsgiExchange(AsgiServer& server, std::unique_ptr<worker::AsyncRequest> request)
    : server_(server), request_(std::move(request)) {
  request_->set_owner(*this);
}

void AsgiExchange::wake() {
  for (auto* waiting : {&receivers_, &senders_}) {
    if (waiting->empty()) continue;
    for (Ref& future : std::exchange(*waiting, {})) server_.set_done(future.get());
  }
}

void AsgiExchange::forget_wait(PyObject* future) {
  for (auto* waiting : {&receivers_, &senders_}) {
    std::erase_if(*waiting, [future](const Ref& waits) { return waits.get() == future; });
  }
}

// An exception of the application, of whatever kind: SystemExit and KeyboardInterrupt end the request, not the worker.
void AsgiExchange::end(bool cancelled) {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (type) PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  Ref owned_type(type), exception(value), owned_traceback(traceback);
  std::string failure = cancelled ? "the application's task was cancelled" : "";
  // A client that leaves is nobody's bug; what else goes wrong because of it is still the application's story.
  bool client_left = gone() && type && PyErr_GivenExceptionMatches(type, PyExc_OSError);
  if (client_left) failure = "the client is gone";
  if (exception && !client_left) failure = server_.report(exception.get(), head());
  on_end(failure);
  wake();
}

const AsgiNames& AsgiExchange::names() const { return server_.names(); }

bool AsgiExchange::event_type(PyObject* event, std::string_view& type) const {
  if (!PyDict_Check(event)) {
    PyErr_Format(PyExc_TypeError, "an ASGI event must be a dict, not %R", event);
    return false;
  }
  PyObject* object = item(event, names().type);
  if (!object || !PyUnicode_Check(object)) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "an ASGI event needs a \"type\"");
    return false;
  }
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object, &size);
  if (text) type = {text, static_cast<size_t>(size)};
  return text != nullptr;
}

PyObject* AsgiExchange::item(PyObject* event, const Ref& key) {
  PyObject* found = PyDict_GetItemWithError(event, key.get());
  return found == Py_None ? nullptr : found;
}

bool AsgiExchange::set_head(ResponseHead& out, PyObject* event) const {
  PyObject* status = item(event, names().status);
  if (!status) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "the start of a response needs a \"status\"");
    return false;
  }
  long code = PyLong_AsLong(status);
  if (code == -1 && PyErr_Occurred()) return false;
  return out.set_asgi(code, item(event, names().headers));
}

Ref as_bytes(PyObject* object) {
  if (PyBytes_Check(object)) return Ref::borrow(object);
  if (PyByteArray_Check(object) || PyMemoryView_Check(object)) return Ref(PyBytes_FromObject(object));
  PyErr_Format(PyExc_TypeError, "a body must be bytes, not %R", object);
  return {};
}

}  // namespace trimaran::python
