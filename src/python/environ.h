// The environ dictionary of PEP 3333. It is most of what a small request costs in a worker, so: one dictionary with all
// that never changes is copied (which copies its free room too), keys are interned once, and texts that come again (the
// method, the server's name) and the keys of header names ("HTTP_ACCEPT", by the name as it was sent) are kept.
#pragma once

#include <string>
#include <string_view>

#include "python/ref.h"
#include "python/text_cache.h"
#include "worker/frame.h"

namespace trimaran::python {

class EnvironMaker {
 public:
  // `base` holds what every request has, e.g. wsgi.errors. Check ok(): false means a Python error is set.
  explicit EnvironMaker(PyObject* base);
  bool ok() const { return ok_; }

  // Null: a Python error is set.
  Ref make(const worker::RequestHeadView& head, PyObject* input);

 private:
  enum Key {
    kMethod,
    kPathInfo,
    kQuery,
    kRequestUri,
    kRawUri,
    kServerName,
    kServerPort,
    kProtocol,
    kRemoteAddress,
    kRemotePort,
    kScheme,
    kInput,
    kKeys
  };

  bool add_headers(PyObject* environ, const worker::RequestHeadView& head);
  // The key for a header's name; Py_None: the header is left out; null: a Python error is set.
  Ref header_key(std::string_view name);
  Ref known(std::string_view text) { return texts_.get(text, native); }
  Ref port(uint16_t number);

  Ref base_;
  Ref keys_[kKeys];
  Ref content_type_;
  Ref content_length_;
  Ref cookie_;
  TextCache texts_, header_keys_;
  Ref port_;  // of the last request
  uint16_t port_number_ = 0;
  bool ok_ = false;
};

// The path with its %xx decoded; an escape that is none is left as it is.
std::string decode_path(std::string_view path);

}  // namespace trimaran::python
