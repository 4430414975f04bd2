// HTTP/1.1 to an application (RFC 9112), as an UpstreamCodec. Interim responses are skipped (the front has said 100
// Continue itself, and 103 helps nobody behind it); trailers are dropped.
#pragma once

#include "http/body_decoder.h"
#include "http/response_head.h"
#include "pool/upstream_codec.h"

namespace trimaran::pool {

class HttpCodec final : public UpstreamCodec {
 public:
  static constexpr int kInterimMax = 16;  // responses with a status of 1xx before the real one; more is a loop

  void start(const worker::RequestHeadView& head, uint8_t flags, std::string& out) override;
  bool body(std::string_view bytes, bool end, std::string& out) override;
  Step next(std::string_view bytes) override;
  Step closed() override;
  const worker::ResponseHeadView& head() const override { return head_; }
  bool reusable() const override { return state_ == State::ended && request_sent_ && parsed_.keep_alive; }
  bool tunnel() const override { return state_ == State::tunnel; }

 private:
  enum class State : uint8_t { head, after_head, body, until_close, tunnel, ended };
  Step read_head(std::string_view bytes);
  Step take_head(size_t consumed);
  Step read_body(std::string_view bytes);
  static Step broken(std::string_view why) { return {Step::Kind::broken, 0, why}; }

  State state_ = State::ended;
  http::Method method_ = http::Method::get;
  bool chunked_request_ = false;
  bool wants_tunnel_ = false;
  bool request_sent_ = false;
  int interim_ = 0;
  http::HeadScanner scanner_;
  http::ParsedResponse parsed_;
  http::BodyDecoder decoder_;
  worker::ResponseHeadView head_;
};

}  // namespace trimaran::pool
