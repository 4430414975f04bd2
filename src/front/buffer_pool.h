// The memory that bytes of clients pass through. An idle connection holds none of it: buffers are borrowed for the
// time of a request and go back to the thread's pool, last out first in, so that they stay in the cache. Ten thousand
// idle connections cost ten thousand Connection objects and nothing else.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trimaran::front {

// Bytes that arrive at the end and are taken from the front. Does not move what it holds unless asked to.
struct InputBuffer {
  explicit InputBuffer(size_t size) : memory(new char[size]), capacity(size) {}
  std::string_view view() const { return {memory.get() + begin, end - begin}; }
  bool empty() const { return begin == end; }
  void consume(size_t n) {
    begin += n;
    if (begin == end) begin = end = 0;
  }
  // Makes room for more behind the end: moves the bytes to the start, and to larger memory when they fill it.
  void make_room();

  std::unique_ptr<char[]> memory;
  size_t capacity;
  size_t begin = 0;
  size_t end = 0;
};

class BufferPool {
 public:
  static constexpr size_t kInputBytes = 16 * 1024;       // one recv; most heads are below 2 KiB
  static constexpr size_t kOutputKeepBytes = 64 * 1024;  // an output string that grew beyond is freed, not kept
  static constexpr size_t kFreeMax = 128;                // kept of each kind: at most 2 + 8 MiB a thread

  std::unique_ptr<InputBuffer> take_input();
  void give(std::unique_ptr<InputBuffer> buffer);
  std::unique_ptr<std::string> take_output();
  void give(std::unique_ptr<std::string> buffer);

 private:
  std::vector<std::unique_ptr<InputBuffer>> inputs_;
  std::vector<std::unique_ptr<std::string>> outputs_;
};

}  // namespace trimaran::front
