#include "python/response_head.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace trimaran::python {
namespace {

// RFC 9110 section 5.6.2.
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (unsigned char c : std::string_view("!#$%&'*+-.^_`|~")) table[c] = true;
  return table;
}
constexpr auto kToken = make_token_table();

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return kToken[c]; });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

// PEP 3333, "Other HTTP Features": these speak of the connection, which is not the application's.
bool is_hop_by_hop(std::string_view name) {
  constexpr std::string_view kNames[] = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
                                         "te",         "trailer",    "trailers",           "transfer-encoding",
                                         "upgrade"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](auto known) { return iequals(known, name); });
}

}  // namespace

bool ResponseHead::set(PyObject* status, PyObject* headers) {
  view_ = {};
  sends_file_ = false;
  owners_.clear();
  if (!PyList_Check(headers)) {
    Ref type(PyObject_Type(headers));
    PyErr_Format(PyExc_TypeError, "the response headers must be a list, not %R", type.get());
    return false;
  }
  if (!set_status(status)) return false;
  Py_ssize_t count = PyList_Size(headers);
  view_.headers.reserve(static_cast<size_t>(count));
  owners_.reserve(static_cast<size_t>(count) * 2 + 1);
  for (Py_ssize_t i = 0; i < count; ++i) {
    // What add_header() calls may change the list.
    Ref header = Ref::borrow(PyList_GetItem(headers, i));
    if (!header || !add_header(header.get())) return false;
  }
  return check_size();
}

bool ResponseHead::set_asgi(long status, PyObject* headers) {
  view_ = {};
  sends_file_ = false;
  owners_.clear();
  if (status < 101 || status > 599) {
    PyErr_Format(PyExc_ValueError, "the status of the response must be from 101 to 599, not %ld", status);
    return false;
  }
  view_.status = static_cast<uint16_t>(status);
  if (!headers || headers == Py_None) return true;
  Ref items = PyList_CheckExact(headers) ? Ref::borrow(headers) : Ref(PySequence_List(headers));
  if (!items) return false;
  Py_ssize_t count = PyList_Size(items.get());
  view_.headers.reserve(static_cast<size_t>(count));
  owners_.reserve(static_cast<size_t>(count) * 2);
  for (Py_ssize_t i = 0; i < count; ++i) {
    // The iterator of a pair may change the list.
    Ref pair = Ref::borrow(PyList_GetItem(items.get(), i));
    if (!pair || !add_asgi_header(pair.get())) return false;
  }
  return check_size();
}

bool ResponseHead::check_size() {
  if (!worker::fits_frame(view_)) {
    PyErr_SetString(PyExc_ValueError, "the response has too many headers, or too long ones");
    return false;
  }
  return true;
}

bool ResponseHead::set_status(PyObject* status) {
  std::string_view line;
  if (!text(status, "the status", line)) return false;
  auto code = parse_u64(line.substr(0, 3));
  // 1xx is the server's to send; 100 and 101 would break the connection.
  if (!code || *code < 200 || *code > 599 || (line.size() > 3 && line[3] != ' ') || has_control(line)) {
    PyErr_Format(PyExc_ValueError, "the status must be like \"200 OK\", not %R", status);
    return false;
  }
  view_.status = static_cast<uint16_t>(*code);
  view_.reason = line.size() > 4 ? line.substr(4) : std::string_view();
  return true;
}

bool ResponseHead::add_header(PyObject* header) {
  if (!PyTuple_Check(header) || PyTuple_Size(header) != 2) {
    PyErr_Format(PyExc_TypeError, "a response header must be a tuple (name, value), not %R", header);
    return false;
  }
  std::string_view name, value;
  if (!text(PyTuple_GetItem(header, 0), "the name of a response header", name) ||
      !text(PyTuple_GetItem(header, 1), "the value of a response header", value) ||
      !check_header(name, value, header)) {
    return false;
  }
  if (is_hop_by_hop(name)) {
    PyErr_Format(PyExc_ValueError, "the response header %R is hop-by-hop: only the server may set it", header);
    return false;
  }
  if (iequals(name, "content-length")) return set_length(value);
  view_.headers.emplace_back(name, value);
  return true;
}

// A pair of bytes: a tuple or a list, or whatever else has two items.
bool ResponseHead::add_asgi_header(PyObject* header) {
  Ref pair(PySequence_Tuple(header));
  if (!pair) return false;
  PyObject* name_object = PyTuple_Size(pair.get()) == 2 ? PyTuple_GetItem(pair.get(), 0) : nullptr;
  PyObject* value_object = name_object ? PyTuple_GetItem(pair.get(), 1) : nullptr;
  if (!value_object || !PyBytes_Check(name_object) || !PyBytes_Check(value_object)) {
    PyErr_Format(PyExc_TypeError, "a response header must be a pair of bytes, not %R", header);
    return false;
  }
  std::string_view name = bytes_view(name_object), value = trim(bytes_view(value_object));
  if (!check_header(name, value, header)) return false;
  owners_.push_back(std::move(pair));
  if (is_hop_by_hop(name)) return true;
  if (iequals(name, "content-length")) return set_length(value);
  view_.headers.emplace_back(name, value);
  return true;
}

bool ResponseHead::check_header(std::string_view name, std::string_view value, PyObject* header) {
  if (!is_token(name)) {
    PyErr_Format(PyExc_ValueError, "the name of the response header %R is not valid", header);
    return false;
  }
  if (has_control(value)) {
    PyErr_Format(PyExc_ValueError, "the response header %R has a control character", header);
    return false;
  }
  if (iequals(name, "x-sendfile")) sends_file_ = true;
  return true;
}

bool ResponseHead::set_length(std::string_view value) {
  auto length = parse_u64(trim(value));
  if (!length || *length > INT64_MAX || (known_length() && *length != static_cast<uint64_t>(view_.content_length))) {
    PyErr_SetString(PyExc_ValueError, "the Content-Length of the response is not one number");
    return false;
  }
  set_length(static_cast<size_t>(*length));
  return true;
}

// A view of a native string's bytes. An ASCII string, nearly every one, is its own UTF-8, which CPython keeps.
bool ResponseHead::text(PyObject* object, const char* what, std::string_view& out) {
  if (!PyUnicode_Check(object)) {
    PyErr_Format(PyExc_TypeError, "%s must be a str, not %R", what, object);
    return false;
  }
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(object, &size);
  if (!data) return false;
  out = {data, static_cast<size_t>(size)};
  if (is_ascii(out)) {
    owners_.push_back(Ref::borrow(object));
    return true;
  }
  Ref latin1(PyUnicode_AsLatin1String(object));
  if (!latin1) return false;
  out = bytes_view(latin1.get());
  owners_.push_back(std::move(latin1));
  return true;
}

}  // namespace trimaran::python
