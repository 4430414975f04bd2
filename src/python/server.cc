#include "python/server.h"

#include <memory>
#include <string>

namespace trimaran::python {
namespace {

// A result that is complete already and has no close().
bool is_plain(PyObject* result) { return PyList_CheckExact(result) || PyTuple_CheckExact(result); }

}  // namespace

Server::Server(worker::Worker& worker, const ObjectTypes& types, PyObject* application, PyObject* base,
               PyObject* report, PyObject* end_child)
    : worker_(worker),
      types_(types),
      application_(application),
      report_(report),
      end_child_(end_child),
      environ_(base),
      file_wrapper_(Ref::borrow(PyDict_GetItemString(base, "wsgi.file_wrapper"))),
      close_(PyUnicode_InternFromString("close")) {}

bool Server::run() {
  if (!environ_.ok() || !close_) return false;
  std::unique_ptr<worker::Request> request;
  bool interrupted = true;
  for (;;) {
    while (!request && interrupted) {
      // The application's signal handlers run here; what they raise ends the worker.
      if (PyErr_CheckSignals() != 0) return false;
      NoGil no_gil;
      request = worker_.next_request(interrupted);
    }
    if (!request) return true;
    Call call(worker_, *request);
    serve(call, request->head());
    NoGil no_gil;
    call.complete(Call::Then::nothing);
    request.reset();  // before the wait: a request that is held is one that is under way
    request = worker_.next_request(interrupted);
  }
}

void Server::serve(Call& call, const worker::RequestHeadView& head) {
  Ref input = make_object(types_.input, &call);
  Ref start_response = make_object(types_.start_response, &call);
  Ref result;
  if (input && start_response) {
    if (Ref made = environ_.make(head, input.get())) {
      result = Ref(PyObject_CallFunctionObjArgs(application_, made.get(), start_response.get(), nullptr));
      only_the_worker_goes_on();
    }
  }
  bool good = result && send_result(call, result.get());
  if (!good) fail(call, head);
  if (input) forget_call(input);
  if (start_response) forget_call(start_response);
  call.settle();
  if (!result || is_plain(result.get())) return;
  if (good) {  // the client need not wait for close(), where applications put what they do after a response
    NoGil no_gil;
    call.complete(Call::Then::application_goes_on);
  }
  if (!close_result(result.get())) fail(call, head);
}

bool Server::send_result(Call& call, PyObject* result) {
  if (is_plain(result)) return call.send_list(result);
  if (reinterpret_cast<PyObject*>(Py_TYPE(result)) == file_wrapper_.get()) {
    Ref place(PyObject_CallMethod(result, "place", nullptr));
    if (!place) return false;
    int fd = -1;
    long long offset = 0;
    if (place.get() != Py_None && !PyArg_ParseTuple(place.get(), "iL", &fd, &offset)) return false;
    if (fd >= 0 && call.take_file(fd, offset)) return true;
  }
  Ref iterator(PyObject_GetIter(result));
  if (!iterator) return false;
  for (;;) {
    Ref item(PyIter_Next(iterator.get()));
    only_the_worker_goes_on();
    if (!item) return !PyErr_Occurred() && call.end();
    if (!call.send(item.get())) return false;
  }
}

bool Server::close_result(PyObject* result) {
  Ref close(PyObject_GetAttr(result, close_.get()));
  if (!close) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return false;
    PyErr_Clear();
    return true;
  }
  Ref closed(PyObject_CallFunctionObjArgs(close.get(), nullptr));
  only_the_worker_goes_on();
  return static_cast<bool>(closed);
}

// An exception of the application, of whatever kind: SystemExit and KeyboardInterrupt end the request, not the worker.
void Server::fail(Call& call, const worker::RequestHeadView& head) {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (type) PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  Ref owned_type(type), exception(value), owned_traceback(traceback);
  // A client that leaves is nobody's bug; what else goes wrong because of it is still the application's story.
  bool client_left = call.gone() && (!type || PyErr_GivenExceptionMatches(type, PyExc_ConnectionResetError));
  if (client_left || !exception) return call.fail("the client is gone");
  Ref method = native(head.method), path = native(head.path);
  Ref line(method && path ? PyObject_CallFunctionObjArgs(report_, exception.get(), method.get(), path.get(), nullptr)
                          : nullptr);
  Py_ssize_t size = 0;
  const char* text = line ? PyUnicode_AsUTF8AndSize(line.get(), &size) : nullptr;
  std::string reason = text ? std::string(text, static_cast<size_t>(size)) : "an exception that cannot be shown";
  PyErr_Clear();
  call.fail(reason);
}

}  // namespace trimaran::python
