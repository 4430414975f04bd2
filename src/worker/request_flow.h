// What a worker knows of a request under way: its head, the body bytes that are here, and how far each direction may
// run. No I/O and no waiting: both ends of a worker, the one with threads (worker_end.h) and the one with an event loop
// (async_worker.h), are built around it.
//
// The functions that take a frame return false when the front broke the protocol.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/frame.h"
#include "worker/head_memory.h"

namespace trimaran::worker {

class RequestFlow {
 public:
  // Memory for the head, before begin(); and back, when nobody looks at head() any more.
  void adopt(HeadMemory& memory);
  void surrender(HeadMemory& memory);

  // `frame` is the request; its head is copied.
  bool begin(const Frame& frame);
  const RequestHeadView& head() const { return head_; }
  bool tunnel() const { return tunnel_; }

  bool take_body(const Frame& frame);
  // The bytes that are here, until they are consumed or more arrive.
  std::string_view body() const { return std::string_view(body_).substr(body_at_); }
  bool body_complete() const { return body_complete_; }  // no more will come
  // The receiver is done with the first `bytes` of body(). Returns the credit that the front is to get now, or 0: it
  // is saved up to a quarter of the window.
  uint32_t consume(size_t bytes);

  bool take_credit(const Frame& frame);
  // Response bytes that may leave. May be read and taken while another thread brings more.
  uint32_t credit() const { return credit_; }
  void spend(size_t bytes) { credit_ -= static_cast<uint32_t>(bytes); }

 private:
  std::string head_bytes_;  // what the views in head_ point into
  RequestHeadView head_;
  bool tunnel_ = false;
  std::string body_;  // bytes from body_at_ on were not consumed yet
  size_t body_at_ = 0;
  bool body_complete_ = false;
  uint32_t body_room_ = kBodyWindow;  // bytes that the front may still send
  uint32_t consumed_ = 0;             // and not yet credited
  std::atomic<uint32_t> credit_ = kBodyWindow;
};

}  // namespace trimaran::worker
