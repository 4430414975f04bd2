// The "http" scope of ASGI, version 2.4 of its specification, and its extension http.response.pathsend.
#pragma once

#include "os/fd.h"
#include "python/asgi_exchange.h"
#include "python/body_count.h"
#include "python/response_head.h"

namespace trimaran::python {

class AsgiHttp final : public AsgiExchange {
 public:
  AsgiHttp(AsgiServer& server, std::unique_ptr<worker::AsyncRequest> request);

  Ref receive() override;
  Sent send(PyObject* event, Progress& progress) override;
  void abandon(const Progress& progress) override;

 private:
  enum class State { fresh, started, head_sent, complete };

  void on_end(std::string_view failure) override;
  Sent start(PyObject* event);
  Sent send_body(PyObject* event, Progress& progress);
  bool begin_body(std::string_view body, bool more);
  Sent send_file(PyObject* event);
  Sent finish_file(Fd file, uint64_t size);
  void give_head();
  void complete(std::string_view last);
  Sent unexpected(std::string_view type);

  ResponseHead head_;
  BodyCount count_;
  State state_ = State::fresh;
  bool body_read_ = false;  // the application has all of the request's body
  bool sending_ = false;    // a body event is on its way; others wait for it
};

}  // namespace trimaran::python
