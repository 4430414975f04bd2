// The keys and types of ASGI events, made once.
#pragma once

#include "python/ref.h"

namespace trimaran::python {

struct AsgiNames {
  Ref type = interned("type"), status = interned("status"), headers = interned("headers"), body = interned("body"),
      more_body = interned("more_body"), path = interned("path"), subprotocol = interned("subprotocol"),
      text = interned("text"), bytes = interned("bytes"), code = interned("code"), reason = interned("reason");
  Ref http_request = native("http.request"), http_disconnect = native("http.disconnect"),
      connect = native("websocket.connect"), receive = native("websocket.receive"),
      disconnect = native("websocket.disconnect");
  Ref no_bytes = new_bytes({});
};

}  // namespace trimaran::python
