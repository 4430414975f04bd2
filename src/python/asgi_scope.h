// The scope of an ASGI request. As with the environ (environ.h), it is most of what a small request costs here, so:
// a dictionary with all that never changes is copied, keys are interned, and values that come again and again (methods,
// header names, the server's address) are kept.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "python/ref.h"
#include "python/text_cache.h"
#include "worker/frame.h"

namespace trimaran::python {

class ScopeMaker {
 public:
  // `http` and `websocket` hold what every scope of that type has. `state` is that of the lifespan, or null when the
  // application has none. Check ok(): false means a Python error is set.
  ScopeMaker(PyObject* http, PyObject* websocket, PyObject* state);
  bool ok() const { return ok_; }

  // Null: a Python error is set.
  Ref make(const worker::RequestHeadView& head, bool websocket);

 private:
  enum Key {
    kHttpVersion,
    kMethod,
    kScheme,
    kPath,
    kRawPath,
    kQuery,
    kHeaders,
    kClient,
    kServer,
    kState,
    kSubprotocols,
    kKeys
  };
  bool set(PyObject* scope, Key key, const Ref& value) {
    return value && PyDict_SetItem(scope, keys_[key].get(), value.get()) == 0;
  }
  Ref text(std::string_view value) { return texts_.get(value, native); }      // one that comes again
  Ref header_name(std::string_view name);                                     // in lower case
  Ref bytes(std::string_view value) { return bytes_.get(value, new_bytes); }  // likewise
  Ref headers(const worker::RequestHeadView& head);
  Ref client(const worker::RequestHeadView& head);
  Ref server(const worker::RequestHeadView& head);

  Ref http_, websocket_, state_;
  Ref keys_[kKeys];
  // Of the connections that were heard of last, by port: a client asks more than once.
  struct Client {
    Ref host;
    uint16_t port = 0;
    Ref address;
  };

  TextCache texts_, names_, bytes_, paths_;
  std::array<Client, 256> clients_;
  Ref server_;  // of the last request
  std::string server_name_;
  uint16_t server_port_ = 0;
  bool ok_ = false;
};

// The names in all Sec-WebSocket-Protocol headers, as a list; null: a Python error is set.
Ref subprotocols(const worker::RequestHeadView& head);

}  // namespace trimaran::python
