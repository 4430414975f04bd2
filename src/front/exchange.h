// The contract between the connection (bytes of one client) and whoever answers a request. An Exchange is one request
// and its response: head, body stream, deadline and log record, for the whole way from parse to access log.
//
// A Handler *may generate* a response. It gives each exchange a Responder, which is told of body bytes and of room to
// write, and answers through the exchange. Bodies have back-pressure in both directions: a slow client stops the source
// by itself, a slow application stops the client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "os/fd.h"

namespace trimaran {
class EventLoop;
}

namespace trimaran::front {

class Exchange;
class PinnedFile;

// One per exchange, owned by it; destroyed when the exchange ends for whatever reason (also when the client went away:
// the destructor is the only notice, and must give back what the responder holds).
class Responder {
 public:
  virtual ~Responder() = default;
  // Bytes of the request body in order; only between resume_body() and pause_body().
  virtual void on_body_data(std::string_view) {}
  virtual void on_body_end() {}
  // The client has taken enough of what was queued: send_body() may be called again. Only after send_body() said false.
  virtual void on_writable() {}
  // Whether a client that has closed its side is taken for gone, although it might still read an answer.
  virtual bool ends_with_client() const { return false; }
};

// One per route, made with the configuration snapshot; used by one front thread only.
class Handler {
 public:
  virtual ~Handler() = default;
  // Either answers at once, or calls exchange.set_responder() and answers later (same thread).
  virtual void start(Exchange& exchange) = 0;
};

class Exchange {
 public:
  static constexpr size_t kSendQueueBytes = 256 * 1024;  // beyond it send_body() says false

  virtual ~Exchange() = default;

  virtual const http::RequestHead& request() const = 0;  // views are valid until the exchange ends
  virtual std::string_view client_address() const = 0;   // "192.0.2.1", without the port
  virtual uint16_t client_port() const = 0;
  virtual uint16_t server_port() const = 0;
  virtual std::string_view site() const = 0;  // the site's domain, for logs
  virtual EventLoop& loop() = 0;
  virtual void set_responder(std::unique_ptr<Responder> responder) = 0;

  // The request body: paused at first. -1 in body_length: chunked, length unknown. 0: there is none, and on_body_end
  // is called from the first resume_body(). Sends 100 Continue when the client waits for it.
  virtual int64_t body_length() const = 0;
  virtual void resume_body() = 0;
  virtual void pause_body() = 0;

  // "websocket": the protocol that the client would switch to; "" when this request cannot become a tunnel. After
  // send_head() with status 101 the bodies are a tunnel's raw bytes, in both directions: the request's is paused at
  // first and ends with on_body_end() when the client ends its side; finish() ends the connection.
  virtual std::string_view upgrade() const = 0;

  // The response. The head is sent once; `head.content_length` -1 means unknown (chunked, or until close for HTTP/1.0).
  // The connection adds Date, Server, Connection and framing; it drops the body of HEAD, 204 and 304 itself.
  virtual void send_head(http::ResponseHead head) = 0;
  // Queues a copy; false when more than kSendQueueBytes wait: stop until on_writable().
  virtual bool send_body(std::string_view bytes) = 0;
  // The response is complete. The exchange may be gone when this returns; so may the responder.
  virtual void finish() = 0;
  // An error page (with Retry-After when `retry_after_s` > 0) if no head was sent, otherwise the connection is cut so
  // that the client sees that the body is not whole. `reason` goes to the log. The exchange may be gone when this
  // returns.
  virtual void fail(int status, std::string_view reason, int retry_after_s = 0) = 0;
  virtual bool head_sent() const = 0;

  // The whole body, instead of send_body(): bytes [offset, offset + length) of a regular file, sent from where they
  // lie. The head has said this length. False: finish() is for on_writable(). What does not fit ends as fail() does.
  virtual bool send_file(Fd file, uint64_t offset, uint64_t length) = 0;
  // Instead of any answer: X-Accel-Redirect. The site's files at `target` (a path, perhaps with a query), internal ones
  // too, answer this request, with `headers` in place of their own. The responder may be gone when this returns.
  using Headers = std::vector<std::pair<std::string, std::string>>;
  virtual void answer_with_files(std::string_view target, Headers headers) = 0;

  // For the front's own handlers and logs.
  // The whole body: bytes [offset, offset + length) of a cached file, sent from where they lie. False when they are on
  // the disk: finish() is for on_writable().
  virtual bool send_file_part(const PinnedFile& file, int64_t offset, int64_t length) = 0;
  // The whole 200 response that the cache has ready; false when it does not fit this request: build one.
  virtual bool send_prebuilt(const PinnedFile&) { return false; }
  // Who answered, for the access log: "worker 3".
  virtual void set_upstream(std::string_view) {}
};

}  // namespace trimaran::front
