// The memory of a request's head and of its response's, used again for the next request: a burst of requests would
// otherwise be a burst of small allocations, which is a good part of what a small request costs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "worker/frame.h"

namespace trimaran::worker {

struct HeadMemory {
  std::string request;              // what the views in `headers` point into
  std::vector<HeaderPair> headers;  // of the request
  std::string response;
};

// Not for several threads at a time.
class HeadMemoryPool {
 public:
  static constexpr size_t kKept = 64;
  static constexpr size_t kKeptBytesMax = 4096;  // a larger one is not kept

  HeadMemory take() {
    if (free_.empty()) return {};
    HeadMemory memory = std::move(free_.back());
    free_.pop_back();
    return memory;
  }
  void give(HeadMemory memory) {
    bool small = memory.request.capacity() <= kKeptBytesMax && memory.response.capacity() <= kKeptBytesMax &&
                 memory.headers.capacity() * sizeof(HeaderPair) <= kKeptBytesMax;
    if (!small || free_.size() == kKept) return;
    memory.headers.clear();
    memory.response.clear();
    free_.push_back(std::move(memory));
  }

 private:
  std::vector<HeadMemory> free_;
};

}  // namespace trimaran::worker
