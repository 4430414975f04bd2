#include "python/environ.h"

#include <charconv>

#include "base/strings.h"

namespace trimaran::python {
namespace {

Ref decimal(uint16_t number) {
  char digits[8];
  auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return native({digits, static_cast<size_t>(end - digits)});
}

}  // namespace

std::string decode_path(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      int high = hex_value(path[i + 1]), low = hex_value(path[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += path[i];
  }
  return out;
}

EnvironMaker::EnvironMaker(PyObject* base) : base_(PyDict_Copy(base)) {
  constexpr std::string_view kNames[kKeys] = {"REQUEST_METHOD", "PATH_INFO",   "QUERY_STRING",    "REQUEST_URI",
                                              "RAW_URI",        "SERVER_NAME", "SERVER_PORT",     "SERVER_PROTOCOL",
                                              "REMOTE_ADDR",    "REMOTE_PORT", "wsgi.url_scheme", "wsgi.input"};
  if (!base_) return;
  for (int i = 0; i < kKeys; ++i) {
    keys_[i] = interned(kNames[i]);
    // In the copies these keys are there already: setting them never grows the table.
    if (!keys_[i] || PyDict_SetItem(base_.get(), keys_[i].get(), Py_None) != 0) return;
  }
  content_type_ = interned("CONTENT_TYPE");
  content_length_ = interned("CONTENT_LENGTH");
  cookie_ = interned("HTTP_COOKIE");
  ok_ = content_type_ && content_length_ && cookie_;
}

Ref EnvironMaker::make(const worker::RequestHeadView& head, PyObject* input) {
  Ref environ(PyDict_Copy(base_.get()));
  if (!environ) return environ;
  bool plain = head.path.find('%') == std::string_view::npos;
  Ref uri;
  Ref path = plain ? native(head.path) : native(decode_path(head.path));
  if (plain && head.query.empty()) {
    uri = Ref::borrow(path.get());
  } else {
    std::string text(head.path);
    if (!head.query.empty()) text.append("?").append(head.query);
    uri = native(text);
  }
  Ref query = native(head.query), method = known(head.method), protocol = known(head.protocol);
  Ref scheme = known(head.scheme), address = known(head.client_address);
  Ref server = known(head.server_name.empty() ? "localhost" : head.server_name);  // PEP 3333: never empty
  Ref server_port = port(head.server_port), client_port = decimal(head.client_port);
  PyObject* values[kKeys] = {method.get(),  path.get(),        query.get(),       uri.get(),
                             uri.get(),     server.get(),      server_port.get(), protocol.get(),
                             address.get(), client_port.get(), scheme.get(),      input};
  for (int i = 0; i < kKeys; ++i) {
    if (!values[i] || PyDict_SetItem(environ.get(), keys_[i].get(), values[i]) != 0) return {};
  }
  if (!add_headers(environ.get(), head)) return {};
  return environ;
}

bool EnvironMaker::add_headers(PyObject* environ, const worker::RequestHeadView& head) {
  for (const auto& [name, text] : head.headers) {
    Ref key_ref = header_key(name);
    PyObject* key = key_ref.get();
    if (!key) return false;
    if (key == Py_None) continue;
    Ref value;
    PyObject* before = PyDict_GetItemWithError(environ, key);
    if (key == content_length_.get()) {
      // RFC 9112 section 6.3: with chunked coding the length is not known, whatever the header says.
      if (head.content_length < 0) continue;
      value = native(std::to_string(head.content_length));
    } else if (before) {
      value = Ref(PyUnicode_FromFormat(key == cookie_.get() ? "%U; %U" : "%U,%U", before, native(text).get()));
    } else if (!PyErr_Occurred()) {
      value = native(text);
    }
    if (!value || PyDict_SetItem(environ, key, value.get()) != 0) return false;
  }
  return true;
}

Ref EnvironMaker::port(uint16_t number) {
  if (!port_ || number != port_number_) {
    port_ = decimal(number);
    port_number_ = number;
  }
  return Ref::borrow(port_.get());
}

Ref EnvironMaker::header_key(std::string_view name) {
  return header_keys_.get(name, [this](std::string_view text) {
    std::string key = "HTTP_";
    for (char c : text) key += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    // "X_User" would become the same key as "X-User", which a proxy may vouch for; "Proxy" would become HTTP_PROXY,
    // which programs take for their own setting (CVE-2016-5385).
    if (text.find('_') != std::string_view::npos || key == "HTTP_PROXY") return Ref::borrow(Py_None);
    if (key == "HTTP_CONTENT_TYPE") return Ref::borrow(content_type_.get());
    if (key == "HTTP_CONTENT_LENGTH") return Ref::borrow(content_length_.get());
    if (key == "HTTP_COOKIE") return Ref::borrow(cookie_.get());
    return native(key);
  });
}

}  // namespace trimaran::python
