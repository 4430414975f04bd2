#include "python/asgi_server.h"

#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "python/asgi_http.h"
#include "python/asgi_websocket.h"

namespace trimaran::python {
namespace {

Ref attribute(PyObject* object, const char* name) { return Ref(PyObject_GetAttrString(object, name)); }

}  // namespace

AsgiServer::AsgiServer(MessageSocket link, const AsgiTypes& types, PyObject* self)
    : worker_(std::move(link), *this), types_(types), self_(self) {}

bool AsgiServer::start(const Setup& setup) {
  application_ = Ref::borrow(setup.application);
  report_ = Ref::borrow(setup.report);
  accept_key_ = Ref::borrow(setup.accept_key);
  make_wait_ = Ref::borrow(setup.make_wait);
  cancelled_error_ = Ref::borrow(setup.cancelled_error);
  drained_ = Ref::borrow(setup.drained);
  end_child_ = Ref::borrow(setup.end_child);
  create_task_ = attribute(setup.loop, "create_task");
  create_future_ = attribute(setup.loop, "create_future");
  plain_task_ = Ref::borrow(setup.plain_task);
  get_task_factory_ = attribute(setup.loop, "get_task_factory");
  task_arguments_ = Ref(Py_BuildValue("{s:O,s:s}", "loop", setup.loop, "name", "asgi-request"));
  if (!get_task_factory_ || !task_arguments_) return false;
  call_soon_ = attribute(setup.loop, "call_soon");
  flush_ = attribute(self_, "flush");
  done_ = interned("done");
  set_result_ = interned("set_result");
  if (!create_task_ || !create_future_ || !call_soon_ || !flush_ || !done_ || !set_result_) return false;
  scopes_ = std::make_unique<ScopeMaker>(setup.http, setup.websocket, setup.state);
  return scopes_->ok();
}

bool AsgiServer::poll() {
  only_the_worker_goes_on();
  if (!look_for_task_factory()) return false;
  worker_.poll();
  said();
  return tell_drained();
}

bool AsgiServer::flush() {
  only_the_worker_goes_on();
  flush_scheduled_ = false;
  worker_.flush();
  if (worker_.wants_flush()) schedule_flush();  // who was told of room has said more
  return tell_drained();
}

bool AsgiServer::tell_drained() {
  if (told_drained_ || !worker_.drained()) return true;
  told_drained_ = true;
  return static_cast<bool>(Ref(PyObject_CallNoArgs(drained_.get())));
}

void AsgiServer::schedule_flush() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  ErrorAside aside;  // the application's mistake may be what there is to say
  Ref handle(PyObject_CallFunctionObjArgs(call_soon_.get(), flush_.get(), nullptr));
  if (!handle) PyErr_WriteUnraisable(call_soon_.get());  // the loop is closed: the process ends
}

void AsgiServer::on_request(std::unique_ptr<worker::AsyncRequest> request) {
  bool websocket = request->tunnel() && is_websocket(request->head());
  if (websocket && !check_handshake(*request)) return;
  std::unique_ptr<AsgiExchange> exchange;
  if (websocket) {
    exchange = std::make_unique<AsgiWebSocket>(*this, std::move(request));
  } else {
    exchange = std::make_unique<AsgiHttp>(*this, std::move(request));
  }
  AsgiExchange& running = *exchange;
  Ref object = make_run(types_, self_, std::move(exchange));
  if (!object || !run(running, object, websocket)) {
    if (object) {
      running.end();
      running.release();
    }
    PyErr_Clear();
  }
  schedule_flush();  // after the first steps of all Tasks of this round
}

// False: a Python error is set.
bool AsgiServer::run(AsgiExchange& exchange, const Ref& object, bool websocket) {
  Ref scope = scopes_->make(exchange.head(), websocket);
  Ref receive = make_receive(object), send = make_send(object);
  if (!scope || !receive || !send) return false;
  if (!set_arguments(object, Ref(PyTuple_Pack(3, scope.get(), receive.get(), send.get())))) return false;
  Ref task = create_task(object.get());
  if (!task) return false;
  set_task(object, std::move(task));
  return true;
}

bool AsgiServer::look_for_task_factory() {
  if (plain_task_.get() == Py_None) return true;
  Ref factory(PyObject_CallNoArgs(get_task_factory_.get()));
  tasks_are_plain_ = factory.get() == Py_None;
  return static_cast<bool>(factory);
}

Ref AsgiServer::create_task(PyObject* coroutine) {
  if (!tasks_are_plain_) return Ref(PyObject_CallFunctionObjArgs(create_task_.get(), coroutine, nullptr));
  Ref arguments(PyTuple_Pack(1, coroutine));
  return arguments ? Ref(PyObject_Call(plain_task_.get(), arguments.get(), task_arguments_.get())) : Ref();
}

std::string AsgiServer::report(PyObject* exception, const worker::RequestHeadView& head) {
  Ref method = native(head.method), path = native(head.path);
  Ref line(method && path ? PyObject_CallFunctionObjArgs(report_.get(), exception, method.get(), path.get(), nullptr)
                          : nullptr);
  Py_ssize_t size = 0;
  const char* text = line ? PyUnicode_AsUTF8AndSize(line.get(), &size) : nullptr;
  std::string reason = text ? std::string(text, static_cast<size_t>(size)) : "an exception that cannot be shown";
  PyErr_Clear();
  return reason;
}

Ref AsgiServer::create_future() { return Ref(PyObject_CallNoArgs(create_future_.get())); }

void AsgiServer::set_done(PyObject* future) {
  ErrorAside aside;
  Ref done(PyObject_CallMethodObjArgs(future, done_.get(), nullptr));
  if (done && done.get() == Py_False) {
    done = Ref(PyObject_CallMethodObjArgs(future, set_result_.get(), Py_None, nullptr));
  }
  if (!done) PyErr_WriteUnraisable(future);
}

Ref AsgiServer::accept_key(std::string_view key) {
  Ref text = native(key);
  if (!text) return text;
  return Ref(PyObject_CallFunctionObjArgs(accept_key_.get(), text.get(), nullptr));
}

}  // namespace trimaran::python
