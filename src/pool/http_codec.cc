#include "pool/http_codec.h"

#include <cstdint>

#include "http/request_writer.h"
#include "http/response_writer.h"

namespace trimaran::pool {

void HttpCodec::start(const worker::RequestHeadView& head, uint8_t flags, std::string& out) {
  state_ = State::head;
  method_ = http::parse_method(head.method);
  wants_tunnel_ = flags & worker::kTunnel;
  request_sent_ = wants_tunnel_ || (flags & worker::kEnd);
  chunked_request_ = !request_sent_ && head.content_length < 0;
  interim_ = 0;
  scanner_.reset();
  http::write_request_head({.method = head.method,
                            .path = head.path,
                            .query = head.query,
                            .scheme = head.scheme,
                            .client_address = head.client_address,
                            .host = head.server_name,
                            .content_length = request_sent_ ? 0 : head.content_length,
                            .upgrade = wants_tunnel_,
                            .headers = head.headers},
                           out);
}

bool HttpCodec::body(std::string_view bytes, bool end, std::string& out) {
  if (chunked_request_ && !bytes.empty()) {
    http::write_chunk_start(bytes.size(), out);
    out.append(bytes).append(http::kChunkEnd);
  } else {
    out.append(bytes);
  }
  if (!end) return true;
  if (chunked_request_) out.append(http::kLastChunk);
  request_sent_ = true;
  return true;
}

UpstreamCodec::Step HttpCodec::next(std::string_view bytes) {
  switch (state_) {
    case State::head:
      return read_head(bytes);
    case State::after_head:
      // The head was told; now how its body begins, which may be that there is none.
      if (parsed_.framing == http::Framing::until_close) {
        state_ = State::until_close;
      } else if (parsed_.framing == http::Framing::none || decoder_.done()) {
        state_ = State::ended;
        return {Step::Kind::end, 0, {}};
      } else {
        state_ = State::body;
      }
      return next(bytes);
    case State::body:
      return read_body(bytes);
    case State::until_close:
    case State::tunnel:
      if (bytes.empty()) return {};
      return {Step::Kind::data, bytes.size(), bytes};
    case State::ended:
      return {};
  }
  return {};
}

UpstreamCodec::Step HttpCodec::read_head(std::string_view bytes) {
  size_t skipped = 0;
  for (;;) {
    switch (scanner_.scan(bytes, http::kResponseHeadLimits)) {
      case http::HeadScanner::Outcome::need_more:
        return {Step::Kind::need_more, skipped, {}};
      case http::HeadScanner::Outcome::refused:
        return broken(scanner_.refusal().reason);
      case http::HeadScanner::Outcome::complete:
        break;
    }
    std::string_view head = bytes.substr(scanner_.begin(), scanner_.end() - scanner_.begin());
    size_t size = scanner_.end();
    scanner_.reset();
    if (http::Refusal refusal = http::parse_response_head(head, method_, parsed_)) return broken(refusal.reason);
    if (parsed_.status >= 200 || parsed_.status == 101) return take_head(skipped + size);
    if (++interim_ > kInterimMax) return broken("too many interim responses");
    skipped += size;
    bytes.remove_prefix(size);
  }
}

UpstreamCodec::Step HttpCodec::take_head(size_t consumed) {
  if (parsed_.status == 101 && !wants_tunnel_) return broken("it switched protocols without being asked");
  head_.status = static_cast<uint16_t>(parsed_.status);
  head_.reason = parsed_.reason;
  head_.content_length = parsed_.content_length;
  head_.headers.clear();
  for (const http::HeaderView& header : parsed_.headers) head_.headers.emplace_back(header.name, header.value);
  state_ = parsed_.status == 101 ? State::tunnel : State::after_head;
  if (parsed_.framing == http::Framing::chunked) decoder_.start(-1, UINT64_MAX);
  if (parsed_.framing == http::Framing::length) decoder_.start(parsed_.content_length, UINT64_MAX);
  return {Step::Kind::head, consumed, {}};
}

UpstreamCodec::Step HttpCodec::read_body(std::string_view bytes) {
  if (decoder_.done()) {
    state_ = State::ended;
    return {Step::Kind::end, 0, {}};
  }
  http::BodyDecoder::Step step = decoder_.next(bytes);
  if (step.outcome == http::BodyDecoder::Outcome::malformed) return broken("a chunk is malformed");
  if (step.outcome == http::BodyDecoder::Outcome::too_large) return broken("a chunk is too large");
  if (!step.data.empty()) return {Step::Kind::data, step.consumed, step.data};
  if (step.outcome != http::BodyDecoder::Outcome::done) return {Step::Kind::need_more, step.consumed, {}};
  state_ = State::ended;
  return {Step::Kind::end, step.consumed, {}};
}

UpstreamCodec::Step HttpCodec::closed() {
  bool whole = state_ == State::until_close || state_ == State::tunnel ||
               (state_ == State::after_head && parsed_.framing == http::Framing::until_close);
  state_ = State::ended;
  parsed_.keep_alive = false;
  return {whole ? Step::Kind::end : Step::Kind::lost, 0, {}};
}

}  // namespace trimaran::pool
