// The little that C++ needs to hold Python objects: an owned reference, and a scope without the GIL. Only the limited
// API of 3.10 is used in this room, so one file serves every interpreter from there on (facts: it costs nothing
// measurable).
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string_view>
#include <utility>

namespace trimaran::python {

class Ref {
 public:
  Ref() = default;
  explicit Ref(PyObject* owned) : object_(owned) {}
  static Ref borrow(PyObject* object) {
    Py_XINCREF(object);
    return Ref(object);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    Ref old(std::exchange(object_, std::exchange(other.object_, nullptr)));
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

class NoGil {
 public:
  NoGil() : state_(PyEval_SaveThread()) {}
  ~NoGil() { PyEval_RestoreThread(state_); }
  NoGil(const NoGil&) = delete;

 private:
  PyThreadState* state_;
};

// Puts the exception that is set, if one is, aside for this scope: nothing of Python may be called while one is set.
class ErrorAside {
 public:
  ErrorAside() { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~ErrorAside() { PyErr_Restore(type_, value_, traceback_); }
  ErrorAside(const ErrorAside&) = delete;

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* traceback_ = nullptr;
};

// A "native string" of PEP 3333: bytes as latin-1 code points.
inline Ref native(std::string_view text) {
  return Ref(PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

// The same as an interned one, for the keys of dictionaries.
inline Ref interned(std::string_view text) {
  Ref string = native(text);
  if (!string) return string;
  PyObject* object = string.release();
  PyUnicode_InternInPlace(&object);
  return Ref(object);
}

inline Ref new_bytes(std::string_view bytes) {
  return Ref(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

// PyBytes_Check(object) must hold.
inline std::string_view bytes_view(PyObject* object) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  PyBytes_AsStringAndSize(object, &data, &size);
  return {data, static_cast<size_t>(size)};
}

// A str as UTF-8 for people. os.fsdecode() leaves in it what is none ("\udcff"), which is written out; null: a Python
// error is set.
inline Ref readable_bytes(PyObject* text) { return Ref(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace")); }

// The method tables of CPython hold every calling convention as a PyCFunction.
template <class Function>
PyCFunction as_method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace trimaran::python
