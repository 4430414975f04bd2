#include "python/call.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

namespace trimaran::python {

Call::Call(const worker::Worker& worker, worker::Request& request)
    : worker_(worker), request_(request), count_(request.head(), head_), body_(request) {}

// `work` must leave nothing in this object that the next user could not find: a thread that is done never looks back.
template <class Work>
auto Call::unlocked(Work work) {
  ++users_;
  NoGil no_gil;
  std::lock_guard lock(mutex_);
  auto result = work();
  if (--users_ == 0) left_.notify_all();
  return result;
}

void Call::settle() {
  if (users_ == 0) return;
  NoGil no_gil;
  std::unique_lock lock(mutex_);
  left_.wait(lock, [&] { return users_ == 0; });
}

bool Call::start(PyObject* status, PyObject* headers, PyObject* exc_info) {
  if (exc_info && exc_info != Py_None) {
    if (!PyTuple_Check(exc_info) || PyTuple_Size(exc_info) != 3) {
      PyErr_SetString(PyExc_TypeError, "exc_info must be the tuple of sys.exc_info()");
      return false;
    }
    if (state_ >= State::head_sent) {  // too late for another head: the error goes its way
      Ref type = Ref::borrow(PyTuple_GetItem(exc_info, 0)), value = Ref::borrow(PyTuple_GetItem(exc_info, 1));
      Ref traceback = Ref::borrow(PyTuple_GetItem(exc_info, 2));
      if (traceback.get() == Py_None) traceback = Ref();
      PyErr_Restore(type.release(), value.release(), traceback.release());
      return false;
    }
  } else if (state_ != State::fresh) {
    PyErr_SetString(PyExc_AssertionError, "start_response() was called a second time without exc_info");
    return false;
  }
  state_ = State::fresh;
  if (!head_.set(status, headers)) return false;
  state_ = State::started;
  return true;
}

bool Call::check_item(PyObject* bytes) {
  if (!PyBytes_Check(bytes)) {
    Ref type(PyObject_Type(bytes));
    PyErr_Format(PyExc_TypeError, "the response body must be made of bytes, not %R", type.get());
    return false;
  }
  if (state_ == State::fresh) {
    PyErr_SetString(PyExc_AssertionError, "the response body came before start_response() was called");
    return false;
  }
  return true;
}

void Call::give_head() {
  if (state_ == State::started) request_.send_head(head_.view());
  state_ = State::head_sent;
}

bool Call::send(PyObject* bytes) {
  if (!check_item(bytes)) return false;
  std::string_view piece = count_.admit(bytes_view(bytes));
  if (piece.empty()) return true;  // PEP 3333: the head waits for the first byte
  bool all = count_.complete();
  return unlocked([&] {
    give_head();
    if (!all) return request_.send_body(piece);
    state_ = State::complete;
    request_.finish(piece);
    return true;
  });
}

bool Call::write(PyObject* bytes) {
  if (send(bytes)) return true;
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_ConnectionResetError, "the client is gone");
  return false;
}

bool Call::send_list(PyObject* list) {
  bool is_list = PyList_Check(list);
  Py_ssize_t count = is_list ? PyList_Size(list) : PyTuple_Size(list);
  auto item = [&](Py_ssize_t i) { return is_list ? PyList_GetItem(list, i) : PyTuple_GetItem(list, i); };
  size_t total = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (!check_item(item(i))) return false;
    total += bytes_view(item(i)).size();
  }
  if (state_ == State::started && !head_.known_length() && head_.has_body() && (total > 0 || !count_.is_head())) {
    head_.set_length(total);
  }
  if (state_ == State::complete || count == 0) return end();
  if (count > 1 && total > kJoinBytes) {
    for (Py_ssize_t i = 0; i < (is_list ? PyList_Size(list) : count); ++i) {  // another thread might change a list
      Ref piece = Ref::borrow(item(i));
      if (!send(piece.get())) return false;
    }
    return end();
  }
  if (count == 1) {
    last_ = Ref::borrow(item(0));
  } else {
    std::string joined;
    joined.reserve(total);
    for (Py_ssize_t i = 0; i < count; ++i) joined.append(bytes_view(item(i)));
    last_ = Ref(PyBytes_FromStringAndSize(joined.data(), static_cast<Py_ssize_t>(joined.size())));
    if (!last_) return false;
  }
  return end();
}

bool Call::take_file(int fd, int64_t offset) {
  struct stat st;
  int flags = ::fcntl(fd, F_GETFL);
  bool readable = flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  if (!readable || state_ != State::started || !count_.has_body() || offset < 0 ||
      st.st_size - offset < kFileBytesMin) {
    return false;
  }
  auto length = static_cast<uint64_t>(st.st_size - offset);
  if (head_.known_length()) {
    auto announced = static_cast<uint64_t>(head_.view().content_length);
    if (announced > length) return false;  // the ordinary way finds the same, and says so
    length = announced;
  }
  file_ = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  part_ = {static_cast<uint64_t>(offset), length};
  return static_cast<bool>(file_);
}

bool Call::end() {
  if (state_ == State::fresh) {
    PyErr_SetString(PyExc_AssertionError, "the application returned without a call of start_response()");
    return false;
  }
  if (!count_.has_body() || state_ == State::complete) {
    last_ = Ref();
    return true;
  }
  uint64_t length = count_.sent() + (last_ ? bytes_view(last_.get()).size() : 0);
  if (!head_.known_length() && state_ == State::started) head_.set_length(length);
  if (!count_.check_end(length)) return false;
  if (last_) rest_ = count_.admit(bytes_view(last_.get()));
  return true;
}

void Call::complete(Then then) {
  if (state_ == State::complete) return;
  if (file_) {
    request_.send_file(head_.view(), file_, part_);
  } else {
    give_head();
    then == Then::nothing ? request_.finish_for_good(rest_) : request_.finish(rest_);
  }
  state_ = State::complete;
}

void Call::fail(std::string_view reason) {
  last_ = Ref();
  if (state_ == State::complete) return;
  state_ = State::complete;
  unlocked([&] {
    request_.fail(reason);
    return true;
  });
}

Ref Call::read(size_t size_max, bool line) {
  std::string out;
  if (state_ == State::complete) {  // its slot is given back: nothing arrives any more
    PyErr_SetString(PyExc_ValueError, "the response is complete, the rest of the request is gone");
    return {};
  }
  bool there = unlocked([&] { return line ? body_.read_line(size_max, out) : body_.read(size_max, out); });
  if (there) return Ref(PyBytes_FromStringAndSize(out.data(), static_cast<Py_ssize_t>(out.size())));
  PyErr_SetString(PyExc_ConnectionResetError, "the client is gone");
  return {};
}

}  // namespace trimaran::python
