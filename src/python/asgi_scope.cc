#include "python/asgi_scope.h"

#include "base/strings.h"
#include "python/environ.h"

namespace trimaran::python {
namespace {

Ref decoded(std::string_view path) {
  // A path that is no UTF-8 still reaches the application; raw_path has the truth.
  return Ref(PyUnicode_DecodeUTF8(path.data(), static_cast<Py_ssize_t>(path.size()), "replace"));
}

Ref pair(Ref first, Ref second) {
  if (!first || !second) return {};
  return Ref(PyTuple_Pack(2, first.get(), second.get()));
}

Ref address(Ref host, uint16_t port) { return pair(std::move(host), Ref(PyLong_FromLong(port))); }

}  // namespace

ScopeMaker::ScopeMaker(PyObject* http, PyObject* websocket, PyObject* state)
    : http_(PyDict_Copy(http)), websocket_(PyDict_Copy(websocket)), state_(Ref::borrow(state)) {
  constexpr std::string_view kNames[kKeys] = {"http_version", "method",       "scheme",      "path",
                                              "raw_path",     "query_string", "headers",     "client",
                                              "server",       "state",        "subprotocols"};
  if (!http_ || !websocket_) return;
  for (int i = 0; i < kKeys; ++i) {
    keys_[i] = interned(kNames[i]);
    if (!keys_[i]) return;
    // In the copies these keys are there already: setting them never grows the table.
    if (i != kState && i != kSubprotocols && PyDict_SetItem(http_.get(), keys_[i].get(), Py_None) != 0) return;
  }
  ok_ = true;
}

Ref ScopeMaker::make(const worker::RequestHeadView& head, bool websocket) {
  Ref scope(PyDict_Copy((websocket ? websocket_ : http_).get()));
  if (!scope) return scope;
  std::string_view version = head.protocol.substr(head.protocol.find('/') + 1);
  std::string_view scheme = head.scheme;
  if (websocket) scheme = scheme == "https" ? "wss" : "ws";
  bool plain = head.path.find('%') == std::string_view::npos;
  PyObject* made = scope.get();
  bool good = set(made, kHttpVersion, text(version)) && set(made, kScheme, text(scheme)) &&
              set(made, kPath, plain ? paths_.get(head.path, decoded) : decoded(decode_path(head.path))) &&
              set(made, kRawPath, bytes(head.path)) && set(made, kQuery, bytes(head.query)) &&
              set(made, kHeaders, headers(head)) && set(made, kClient, client(head)) &&
              set(made, kServer, server(head));
  if (good) good = websocket ? set(made, kSubprotocols, subprotocols(head)) : set(made, kMethod, text(head.method));
  if (good && state_) good = set(made, kState, Ref(PyDict_Copy(state_.get())));
  return good ? std::move(scope) : Ref();
}

Ref ScopeMaker::header_name(std::string_view name) {
  return names_.get(name, [](std::string_view text) { return new_bytes(to_lower(text)); });
}

Ref ScopeMaker::headers(const worker::RequestHeadView& head) {
  Ref list(PyList_New(static_cast<Py_ssize_t>(head.headers.size())));
  if (!list) return list;
  for (size_t i = 0; i < head.headers.size(); ++i) {
    const auto& [name, value] = head.headers[i];
    Ref item = pair(header_name(name), bytes(value));
    if (!item) return {};
    PyList_SetItem(list.get(), static_cast<Py_ssize_t>(i), item.release());
  }
  return list;
}

Ref ScopeMaker::client(const worker::RequestHeadView& head) {
  Ref host = text(head.client_address);
  Client& known = clients_[head.client_port % clients_.size()];
  // The same text may be another object by now; then the address is made again.
  if (host && known.host.get() == host.get() && known.port == head.client_port) return Ref::borrow(known.address.get());
  Ref made = address(Ref::borrow(host.get()), head.client_port);
  if (made) known = {std::move(host), head.client_port, Ref::borrow(made.get())};
  return made;
}

Ref ScopeMaker::server(const worker::RequestHeadView& head) {
  if (!server_ || head.server_name != server_name_ || head.server_port != server_port_) {
    server_ = address(text(head.server_name), head.server_port);
    server_name_ = head.server_name;
    server_port_ = head.server_port;
  }
  return Ref::borrow(server_.get());
}

Ref subprotocols(const worker::RequestHeadView& head) {
  Ref list(PyList_New(0));
  for (const auto& [name, value] : head.headers) {
    if (!iequals(name, "sec-websocket-protocol")) continue;
    for (std::string_view item : split(value, ',')) {
      Ref protocol = native(trim(item));
      if (!list || !protocol || PyList_Append(list.get(), protocol.get()) != 0) return {};
    }
  }
  return list;
}

}  // namespace trimaran::python
