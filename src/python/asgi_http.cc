#include "python/asgi_http.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "base/log.h"
#include "base/strings.h"
#include "python/asgi_server.h"

namespace trimaran::python {

AsgiHttp::AsgiHttp(AsgiServer& server, std::unique_ptr<worker::AsyncRequest> request)
    : AsgiExchange(server, std::move(request)), count_(head(), head_) {}

Ref AsgiHttp::receive() {
  const AsgiNames& n = names();
  bool over = gone() || state_ == State::complete;
  if (!over && body_read_) return {};
  Ref event(PyDict_New());
  if (!event) return event;
  if (over) {
    return PyDict_SetItem(event.get(), n.type.get(), n.http_disconnect.get()) == 0 ? std::move(event) : Ref();
  }
  std::string_view bytes = request_->body();
  bool all = request_->body_complete() || request_->tunnel();  // an Upgrade that nobody wants has no body
  if (bytes.empty() && !all) return {};
  Ref body = bytes.empty() ? Ref::borrow(n.no_bytes.get()) : new_bytes(bytes);
  if (!body || PyDict_SetItem(event.get(), n.type.get(), n.http_request.get()) != 0 ||
      PyDict_SetItem(event.get(), n.body.get(), body.get()) != 0 ||
      PyDict_SetItem(event.get(), n.more_body.get(), all ? Py_False : Py_True) != 0) {
    return {};
  }
  request_->consume_body(bytes.size());
  body_read_ = all;
  return event;
}

AsgiExchange::Sent AsgiHttp::send(PyObject* event, Progress& progress) {
  std::string_view type;
  if (!event_type(event, type)) return Sent::error;
  if (gone()) {
    set_gone();
    return Sent::error;
  }
  if (sending_ && !progress.begun) return Sent::not_yet;
  if (type == "http.response.body" && (state_ == State::started || state_ == State::head_sent)) {
    return send_body(event, progress);
  }
  if (type == "http.response.start" && state_ == State::fresh) return start(event);
  if (type == "http.response.pathsend" && state_ == State::started) return send_file(event);
  return unexpected(type);
}

AsgiExchange::Sent AsgiHttp::unexpected(std::string_view type) {
  constexpr const char* kStates[] = {"before http.response.start", "after http.response.start",
                                     "in the middle of the body", "after the response was complete"};
  std::string message = "unexpected ASGI event \"" + std::string(type) + "\" " + kStates[static_cast<int>(state_)];
  PyErr_SetString(PyExc_RuntimeError, message.c_str());
  return Sent::error;
}

AsgiExchange::Sent AsgiHttp::start(PyObject* event) {
  if (!set_head(head_, event)) return Sent::error;
  if (head_.view().status < 200) {
    PyErr_SetString(PyExc_ValueError, "a response that is only informational is not for the application to send");
    return Sent::error;
  }
  state_ = State::started;
  return Sent::yes;
}

// In pieces, as the client takes them: `progress` counts those that left.
AsgiExchange::Sent AsgiHttp::send_body(PyObject* event, Progress& progress) {
  PyObject* given = item(event, names().body);
  PyObject* more_given = item(event, names().more_body);
  int more = more_given ? PyObject_IsTrue(more_given) : 0;
  Ref body = given ? as_bytes(given) : Ref::borrow(names().no_bytes.get());
  if (!body || more < 0 || PyErr_Occurred()) return Sent::error;
  std::string_view bytes = bytes_view(body.get());
  if (!progress.begun && !begin_body(bytes, more)) return Sent::error;
  progress.begun = true;
  bytes.remove_prefix(std::min(progress.bytes, bytes.size()));
  for (;;) {
    size_t room = request_->room();
    bool fits = !count_.has_body() || bytes.size() <= room;
    if (fits && !more) {
      sending_ = false;
      complete(count_.admit(bytes));
      return Sent::yes;
    }
    give_head();
    request_->send_body(count_.admit(bytes.substr(0, room)));
    if (fits) break;
    if (room == 0) {
      sending_ = true;
      return Sent::not_yet;
    }
    bytes.remove_prefix(room);
    progress.bytes += room;
  }
  sending_ = false;
  return Sent::yes;
}

// False: a Python error is set.
bool AsgiHttp::begin_body(std::string_view body, bool more) {
  if (more || !count_.has_body()) return true;
  uint64_t length = count_.sent() + body.size();
  if (state_ == State::started && !head_.known_length()) head_.set_length(length);
  return count_.check_end(length);
}

void AsgiHttp::give_head() {
  if (state_ == State::started) request_->send_head(head_.view());
  state_ = State::head_sent;
}

void AsgiHttp::complete(std::string_view last) {
  give_head();
  request_->finish(last);
  state_ = State::complete;
  wake();
}

// What could follow would be a lie: bytes are missing.
void AsgiHttp::abandon(const Progress& progress) {
  if (!progress.begun || !sending_) return;
  sending_ = false;
  state_ = State::complete;
  request_->fail("the application gave up the middle of its response");
  wake();
}

// The front sends the file; the worker only proves that it may be read by opening it.
AsgiExchange::Sent AsgiHttp::send_file(PyObject* event) {
  PyObject* path = item(event, names().path);
  Ref encoded(path ? PyUnicode_EncodeFSDefault(path) : nullptr);
  if (!encoded) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "http.response.pathsend needs a \"path\"");
    return Sent::error;
  }
  Fd file(::open(PyBytes_AsString(encoded.get()), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0) {
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    return Sent::error;
  }
  if (!S_ISREG(about.st_mode)) {
    PyErr_Format(PyExc_ValueError, "http.response.pathsend: %R is not a regular file", path);
    return Sent::error;
  }
  return finish_file(std::move(file), static_cast<uint64_t>(about.st_size));
}

AsgiExchange::Sent AsgiHttp::finish_file(Fd file, uint64_t size) {
  if (head_.known_length()) {
    if (!count_.check_end(size)) return Sent::error;
    size = static_cast<uint64_t>(head_.view().content_length);
  } else {
    head_.set_length(size);
  }
  if (!count_.has_body() || size == 0) {
    complete({});
    return Sent::yes;
  }
  give_head();
  request_->finish_file(std::move(file), {0, size});
  state_ = State::complete;
  wake();
  return Sent::yes;
}

void AsgiHttp::on_end(std::string_view failure) {
  sending_ = false;
  if (state_ == State::complete) return;
  std::string reason(failure);
  if (gone()) {
    reason = "the client is gone";
  } else if (failure.empty()) {
    reason = state_ == State::fresh ? "the application returned without a response"
                                    : "the application returned before its response was complete";
    log_error(escape_for_log(head().method) + " " + escape_for_log(head().path) + ": " + reason);
  }
  state_ = State::complete;
  request_->fail(reason);
}

}  // namespace trimaran::python
