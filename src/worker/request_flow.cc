#include "worker/request_flow.h"

#include <utility>

namespace trimaran::worker {

void RequestFlow::adopt(HeadMemory& memory) {
  head_bytes_ = std::move(memory.request);
  head_.headers = std::move(memory.headers);
}

void RequestFlow::surrender(HeadMemory& memory) {
  memory.request = std::move(head_bytes_);
  memory.headers = std::move(head_.headers);
  head_ = {};
}

bool RequestFlow::begin(const Frame& frame) {
  head_bytes_ = frame.payload;
  body_complete_ = frame.end();
  tunnel_ = frame.tunnel();
  return parse_request(head_bytes_, head_);
}

bool RequestFlow::take_body(const Frame& frame) {
  if (body_complete_ || frame.payload.size() > body_room_) return false;
  body_room_ -= static_cast<uint32_t>(frame.payload.size());
  if (body_at_ > 0 && body_at_ >= body_.size() / 2) {
    body_.erase(0, body_at_);
    body_at_ = 0;
  }
  body_.append(frame.payload);
  body_complete_ = frame.end();
  return true;
}

uint32_t RequestFlow::consume(size_t bytes) {
  body_at_ += bytes;
  consumed_ += static_cast<uint32_t>(bytes);
  if (body_complete_ || consumed_ < kBodyWindow / 4) return 0;
  body_room_ += consumed_;
  return std::exchange(consumed_, 0);
}

bool RequestFlow::take_credit(const Frame& frame) {
  auto bytes = read_credit(frame);
  if (!bytes || *bytes > kBodyWindow - credit_) return false;
  credit_ += *bytes;
  return true;
}

}  // namespace trimaran::worker
