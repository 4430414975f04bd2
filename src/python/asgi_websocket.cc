#include "python/asgi_websocket.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "http/websocket_boundary.h"
#include "python/asgi_server.h"

namespace trimaran::python {

using http::WebSocketEvent;
using http::WebSocketOpcode;

AsgiWebSocket::AsgiWebSocket(AsgiServer& server, std::unique_ptr<worker::AsyncRequest> request)
    : AsgiExchange(server, std::move(request)) {}

// --- receive --------------------------------------------------------------------------------------------------------

Ref AsgiWebSocket::receive() {
  if (!connect_given_) {
    connect_given_ = true;
    Ref event(PyDict_New());
    return event && PyDict_SetItem(event.get(), names().type.get(), names().connect.get()) == 0 ? std::move(event)
                                                                                                : Ref();
  }
  if (!messages_.empty()) {
    Message message = std::move(messages_.front());
    messages_.pop_front();
    queued_bytes_ -= message.cost();
    read_frames();
    return message_event(message);
  }
  if (gone()) lose(http::kWebSocketAbnormal);
  return over_ ? disconnect_event() : Ref();
}

Ref AsgiWebSocket::message_event(const Message& message) {
  auto size = static_cast<Py_ssize_t>(message.payload.size());
  Ref value(message.is_text ? PyUnicode_DecodeUTF8(message.payload.data(), size, nullptr)
                            : PyBytes_FromStringAndSize(message.payload.data(), size));
  const Ref& key = message.is_text ? names().text : names().bytes;
  Ref event(PyDict_New());
  bool good = event && value && PyDict_SetItem(event.get(), names().type.get(), names().receive.get()) == 0 &&
              PyDict_SetItem(event.get(), key.get(), value.get()) == 0;
  return good ? std::move(event) : Ref();
}

Ref AsgiWebSocket::disconnect_event() {
  Ref event(PyDict_New()), code(PyLong_FromLong(code_));
  Ref reason(PyUnicode_FromStringAndSize(reason_.data(), static_cast<Py_ssize_t>(reason_.size())));
  bool good = event && code && reason &&
              PyDict_SetItem(event.get(), names().type.get(), names().disconnect.get()) == 0 &&
              PyDict_SetItem(event.get(), names().code.get(), code.get()) == 0 &&
              PyDict_SetItem(event.get(), names().reason.get(), reason.get()) == 0;
  return good ? std::move(event) : Ref();
}

// --- send -----------------------------------------------------------------------------------------------------------

AsgiExchange::Sent AsgiWebSocket::send(PyObject* event, Progress& progress) {
  std::string_view type;
  if (!event_type(event, type)) return Sent::error;
  bool lost = gone() || over_;
  if (type == "websocket.close" && (lost || state_ == State::closed)) return Sent::yes;  // what it wants is so already
  if (lost) {
    set_gone();
    return Sent::error;
  }
  if (sending_ && !progress.begun) return Sent::not_yet;
  if (state_ == State::accepted) {
    if (type == "websocket.send") return send_message(event, progress);
    if (type == "websocket.close") return send_close(event);
  } else if (state_ == State::fresh) {
    if (type == "websocket.accept") return accept(event);
    if (type == "websocket.close") return refuse();
    if (type == "websocket.http.response.start") return start_denial(event);
  } else if (state_ == State::denying && type == "websocket.http.response.body") {
    return send_denial(event);
  }
  return unexpected(type);
}

AsgiExchange::Sent AsgiWebSocket::unexpected(std::string_view type) {
  constexpr const char* kStates[] = {"before the WebSocket was accepted", "after the WebSocket was accepted",
                                     "while the WebSocket is refused", "after the WebSocket was closed"};
  std::string message = "unexpected ASGI event \"" + std::string(type) + "\" " + kStates[static_cast<int>(state_)];
  PyErr_SetString(PyExc_RuntimeError, message.c_str());
  return Sent::error;
}

AsgiExchange::Sent AsgiWebSocket::accept(PyObject* event) {
  if (!head_.set_asgi(101, item(event, names().headers)) || !add_handshake(item(event, names().subprotocol))) {
    return Sent::error;
  }
  request_->send_head(head_.view());
  request_->send_body({});
  state_ = State::accepted;
  on_news();  // the client may have spoken early
  return Sent::yes;
}

bool AsgiWebSocket::add_handshake(PyObject* subprotocol) {
  if (PyErr_Occurred()) return false;
  std::string_view key;
  for (const auto& [name, value] : head().headers) {
    if (iequals(name, "sec-websocket-key")) key = trim(value);
  }
  accept_key_ = server_.accept_key(key);
  if (!accept_key_) return false;
  head_.add("Upgrade", "websocket");
  head_.add("Connection", "Upgrade");
  head_.add("Sec-WebSocket-Accept", bytes_view(accept_key_.get()));
  if (!subprotocol) return true;
  Ref offered = subprotocols(head());
  int is_offered = offered ? PySequence_Contains(offered.get(), subprotocol) : -1;
  if (is_offered == 0) PyErr_Format(PyExc_ValueError, "the client did not offer the subprotocol %R", subprotocol);
  if (is_offered != 1) return false;
  subprotocol_ = Ref(PyUnicode_AsLatin1String(subprotocol));
  if (!subprotocol_) return false;
  head_.add("Sec-WebSocket-Protocol", bytes_view(subprotocol_.get()));
  return true;
}

AsgiExchange::Sent AsgiWebSocket::refuse() {
  request_->send_head({403, "", 0, {}});
  request_->finish();
  state_ = State::closed;
  lose(http::kWebSocketAbnormal);
  return Sent::yes;
}

AsgiExchange::Sent AsgiWebSocket::start_denial(PyObject* event) {
  if (!set_head(head_, event)) return Sent::error;
  if (head_.view().status < 200) {
    PyErr_SetString(PyExc_ValueError, "a WebSocket is not refused with an informational response");
    return Sent::error;
  }
  state_ = State::denying;
  return Sent::yes;
}

// It is collected, because it is small, and one that is given up half-way can still be an error page.
AsgiExchange::Sent AsgiWebSocket::send_denial(PyObject* event) {
  PyObject* more_given = item(event, names().more_body);
  int more = more_given ? PyObject_IsTrue(more_given) : 0;
  PyObject* given = item(event, names().body);
  Ref body = given ? as_bytes(given) : Ref::borrow(names().no_bytes.get());
  if (!body || more < 0 || PyErr_Occurred()) return Sent::error;
  denial_ += bytes_view(body.get());
  if (denial_.size() > kDenialBytesMax) {
    PyErr_SetString(PyExc_ValueError, "the response that refuses a WebSocket is too long");
    return Sent::error;
  }
  if (more) return Sent::yes;
  if (!head_.has_body()) denial_.clear();
  head_.set_length(denial_.size());
  request_->send_head(head_.view());
  request_->finish(denial_);
  state_ = State::closed;
  lose(http::kWebSocketAbnormal);
  return Sent::yes;
}

AsgiExchange::Sent AsgiWebSocket::send_message(PyObject* event, Progress& progress) {
  if (!progress.begun) {
    PyObject* bytes = item(event, names().bytes);
    PyObject* text = bytes ? nullptr : item(event, names().text);
    if (bytes) {
      Ref payload = as_bytes(bytes);
      if (!payload) return Sent::error;
      append_websocket_frame(out_, WebSocketOpcode::binary, bytes_view(payload.get()));
    } else {
      Py_ssize_t size = 0;
      const char* data = text && PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &size) : nullptr;
      if (!data) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "websocket.send needs \"bytes\" or \"text\"");
        return Sent::error;
      }
      append_websocket_frame(out_, WebSocketOpcode::text, {data, static_cast<size_t>(size)});
    }
    progress.begun = true;
  }
  write();
  sending_ = !written();
  return sending_ ? Sent::not_yet : Sent::yes;
}

AsgiExchange::Sent AsgiWebSocket::send_close(PyObject* event) {
  PyObject* code_given = item(event, names().code);
  long code = code_given ? PyLong_AsLong(code_given) : http::kWebSocketNormal;
  if (code == -1 && PyErr_Occurred()) return Sent::error;
  if (code < 0 || code > UINT16_MAX || !http::is_websocket_close_code(static_cast<uint16_t>(code))) {
    PyErr_Format(PyExc_ValueError, "%ld is not a code that a WebSocket may be closed with", code);
    return Sent::error;
  }
  PyObject* reason_given = item(event, names().reason);
  Py_ssize_t size = 0;
  const char* reason = reason_given ? PyUnicode_AsUTF8AndSize(reason_given, &size) : "";
  if (!reason) return Sent::error;
  if (static_cast<size_t>(size) > kReasonBytesMax) {
    PyErr_SetString(PyExc_ValueError, "the reason of a close has at most 123 bytes");
    return Sent::error;
  }
  close(static_cast<uint16_t>(code), {reason, static_cast<size_t>(size)});
  return Sent::yes;
}

// The message stays whole, or it would break the frames behind it; only the wait for it was given up.
void AsgiWebSocket::abandon(const Progress& progress) {
  if (!progress.begun || !sending_) return;
  sending_ = false;
  wake();
}

// --- frames ---------------------------------------------------------------------------------------------------------

void AsgiWebSocket::on_news() {
  if (state_ == State::accepted || state_ == State::closed) {
    read_frames();
    write();
  }
  if (gone()) lose(http::kWebSocketAbnormal);
  if (state_ == State::closed && over_ && written()) finish();  // both have said goodbye
  if (!ended_ || !lingers()) wake();
}

void AsgiWebSocket::read_frames() {
  while (!over_ && request_ && !request_->ended() && (queued_bytes_ < kQueueBytesMax || state_ == State::closed)) {
    std::string_view bytes = request_->body();
    size_t before = bytes.size();
    WebSocketEvent event = reader_.next(bytes);
    request_->consume_body(before - bytes.size());
    if (event != WebSocketEvent::incomplete) {
      on_frame(event);
    } else if (bytes.empty()) {
      if (request_->body_complete()) lose(http::kWebSocketAbnormal);
      return;
    }
  }
}

void AsgiWebSocket::on_frame(WebSocketEvent event) {
  std::string& payload = reader_.payload();
  switch (event) {
    case WebSocketEvent::text:
    case WebSocketEvent::binary:
      if (state_ == State::closed) return;  // too late: nobody listens
      messages_.push_back({event == WebSocketEvent::text, std::move(payload)});
      queued_bytes_ += messages_.back().cost();
      return;
    case WebSocketEvent::ping:
      if (state_ == State::accepted) pong_ = std::move(payload);
      return;
    case WebSocketEvent::close:
      reason_ = std::move(payload);
      close(reader_.code() == http::kWebSocketNoCode ? http::kWebSocketNormal : reader_.code(), {});
      return lose(reader_.code());
    case WebSocketEvent::violation:
      close(reader_.code(), {});
      return lose(reader_.code());
    case WebSocketEvent::pong:
    case WebSocketEvent::incomplete:
      return;
  }
}

// The first reason counts.
void AsgiWebSocket::lose(uint16_t code) {
  if (over_) return;
  over_ = true;
  code_ = code;
}

void AsgiWebSocket::close(uint16_t code, std::string_view reason) {
  if (state_ != State::accepted) return;
  out_ += http::websocket_close_frame(code, reason);
  pong_.reset();
  state_ = State::closed;
  write();
}

void AsgiWebSocket::write() {
  if (gone() || request_->ended()) {
    out_.clear();
    out_at_ = 0;
    return;
  }
  for (;;) {
    size_t n = std::min(request_->room(), out_.size() - out_at_);
    if (n > 0) request_->send_body(std::string_view(out_).substr(out_at_, n));
    out_at_ += n;
    if (!written()) return;
    out_.clear();
    out_at_ = 0;
    if (out_.capacity() > worker::kBodyWindow) out_.shrink_to_fit();
    if (!pong_) return;
    append_websocket_frame(out_, WebSocketOpcode::pong, *pong_);
    pong_.reset();
  }
}

// --- the end --------------------------------------------------------------------------------------------------------

void AsgiWebSocket::on_end(std::string_view failure) {
  ended_ = true;
  if (state_ == State::accepted) {
    bool good = failure.empty();
    close(good ? http::kWebSocketNormal : http::kWebSocketInternalError, {});
    return;
  }
  if (state_ == State::closed) return;
  std::string reason(failure);
  if (gone()) reason = "the client is gone";
  if (reason.empty()) {
    reason = "the application neither accepted the WebSocket nor refused it";
    log_error(escape_for_log(head().method) + " " + escape_for_log(head().path) + ": " + reason);
  }
  state_ = State::closed;
  request_->fail(reason);
}

// Until the client has answered our close (RFC 6455 section 7.1.1) and all has left.
bool AsgiWebSocket::lingers() const { return !gone() && !request_->ended() && (!over_ || !written()); }

void AsgiWebSocket::finish() {
  if (!request_ || request_->ended()) return;
  if (written() && !request_->aborted()) {
    request_->finish();
  } else {
    request_->fail("the client is gone");
  }
}

// --- the handshake --------------------------------------------------------------------------------------------------

namespace {

std::string_view header(const worker::RequestHeadView& head, std::string_view wanted) {
  for (const auto& [name, value] : head.headers) {
    if (iequals(name, wanted)) return trim(value);
  }
  return {};
}

void answer(worker::AsyncRequest& request, worker::ResponseHeadView head, std::string_view text) {
  head.content_length = static_cast<int64_t>(text.size());
  head.headers.emplace_back("Content-Type", "text/plain");
  request.send_head(head);
  request.finish(text);
}

}  // namespace

bool is_websocket(const worker::RequestHeadView& head) {
  for (std::string_view token : split(header(head, "upgrade"), ',')) {
    if (iequals(trim(token), "websocket")) return true;
  }
  return false;
}

bool check_handshake(worker::AsyncRequest& request) {
  constexpr size_t kKeyBytes = 24;  // 16 bytes in base64
  if (header(request.head(), "sec-websocket-version") != "13") {
    answer(request, {426, "", -1, {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}}},
           "only version 13 of WebSocket is spoken here\n");
    return false;
  }
  std::string_view key = header(request.head(), "sec-websocket-key");
  if (request.head().method != "GET" || key.size() != kKeyBytes || !key.ends_with("==")) {
    answer(request, {400, "", -1, {}}, "this is not the opening handshake of a WebSocket\n");
    return false;
  }
  return true;
}

}  // namespace trimaran::python
