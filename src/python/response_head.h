// Status and headers as the application gave them, to start_response() or in an ASGI event, checked: what is wrong here
// is the application's bug and is raised in its face, with its own stack, before a byte has left.
#pragma once

#include <string_view>
#include <vector>

#include "python/ref.h"
#include "worker/frame.h"

namespace trimaran::python {

class ResponseHead {
 public:
  // False: a Python error is set.
  bool set(PyObject* status, PyObject* headers);
  // As in ASGI: a number, and pairs of bytes. Hop-by-hop headers are left out, as its specification says.
  bool set_asgi(long status, PyObject* headers);
  // Of our own; both live as long as this.
  void add(std::string_view name, std::string_view value) { view_.headers.emplace_back(name, value); }

  // Without Content-Length among the headers: it is in content_length.
  const worker::ResponseHeadView& view() const { return view_; }
  bool known_length() const { return view_.content_length >= 0; }
  void set_length(size_t bytes) { view_.content_length = static_cast<int64_t>(bytes); }
  // RFC 9110 section 6.4.1: 204 and 304 have no body. With X-Sendfile a file is the body (worker/sendfile.h).
  bool has_body() const { return view_.status != 204 && view_.status != 304 && !sends_file_; }

 private:
  bool set_status(PyObject* status);
  bool add_header(PyObject* header);
  bool add_asgi_header(PyObject* header);
  bool check_header(std::string_view name, std::string_view value, PyObject* header);
  bool check_size();
  bool set_length(std::string_view value);
  bool text(PyObject* object, const char* what, std::string_view& out);

  worker::ResponseHeadView view_;
  bool sends_file_ = false;
  std::vector<Ref> owners_;  // of what the views point into
};

}  // namespace trimaran::python
