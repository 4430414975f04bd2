// One ASGI scope from its request to its end: what `await receive()` and `await send()` do for it. HTTP and WebSocket
// (asgi_http.h, asgi_websocket.h) differ in their events only.
//
// Nothing here waits. receive() and send() are tried; when they cannot be done yet, the awaitable that tries (see
// asgi_objects.h) leaves a future here, which wake() sets when something has changed, and tries again.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "python/asgi_names.h"
#include "python/ref.h"
#include "python/response_head.h"
#include "worker/async_worker.h"

namespace trimaran::python {

class AsgiServer;

class AsgiExchange : public worker::AsyncRequest::Owner {
 public:
  // How far one `await send()` has come; its awaitable keeps it.
  struct Progress {
    bool begun = false;
    size_t bytes = 0;
  };
  enum class Sent { yes, not_yet, error };  // error: a Python error is set

  AsgiExchange(AsgiServer& server, std::unique_ptr<worker::AsyncRequest> request);

  // The next event; null without a Python error: there is none yet.
  virtual Ref receive() = 0;
  virtual Sent send(PyObject* event, Progress& progress) = 0;
  // That `await send()` was given up.
  virtual void abandon(const Progress& progress) = 0;

  // The application is done: it returned, its Task was cancelled, or an exception is set, which is taken. Said once.
  void end(bool cancelled = false);
  // After end(): whether the exchange must live on for a while, until a wait is over (see AsgiServer::make_wait).
  virtual bool lingers() const { return false; }
  virtual void finish() {}  // it need not any longer
  // The slot was given back; who still holds receive() and send() is told that the client is gone. The objects may live
  // on: libraries keep Tasks (anyio does, for its threads), and a drain must not wait for them.
  void release() { request_.reset(); }

  void wait_for_receive(Ref future) { receivers_.push_back(std::move(future)); }
  void wait_for_send(Ref future) { senders_.push_back(std::move(future)); }
  void forget_wait(PyObject* future);
  void on_news() override { wake(); }

  AsgiServer& server() { return server_; }
  const worker::RequestHeadView& head() const { return request_->head(); }

 protected:
  void wake();
  // The "type" of an event, valid as long as the event; false: a Python error is set.
  bool event_type(PyObject* event, std::string_view& type) const;
  // event[key], borrowed, or null without an error when it is not there or None.
  static PyObject* item(PyObject* event, const Ref& key);
  // The response head out of a start event; false: a Python error is set.
  bool set_head(ResponseHead& out, PyObject* event) const;
  const AsgiNames& names() const;
  // `failure` is one line about why the application did not simply return; empty when it did.
  virtual void on_end(std::string_view failure) = 0;
  // For clients that left: OSError, as the specification says from version 2.4 on.
  bool gone() const { return !request_ || request_->aborted(); }
  static void set_gone() { PyErr_SetString(PyExc_ConnectionResetError, "the client is gone"); }

  AsgiServer& server_;
  std::unique_ptr<worker::AsyncRequest> request_;  // until release()

 private:
  std::vector<Ref> receivers_, senders_;  // futures, one for each awaitable that waits
};

// Bytes, or what can be seen as bytes: bytearray and memoryview. Null: a Python error is set.
Ref as_bytes(PyObject* object);

}  // namespace trimaran::python
