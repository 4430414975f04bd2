#include "front/buffer_pool.h"

#include <cstring>

namespace trimaran::front {

void InputBuffer::make_room() {
  size_t size = end - begin;
  if (begin > 0) {
    std::memmove(memory.get(), memory.get() + begin, size);
  } else if (end == capacity) {
    std::unique_ptr<char[]> larger(new char[capacity * 2]);
    std::memcpy(larger.get(), memory.get(), size);
    memory = std::move(larger);
    capacity *= 2;
  }
  begin = 0;
  end = size;
}

std::unique_ptr<InputBuffer> BufferPool::take_input() {
  if (inputs_.empty()) return std::make_unique<InputBuffer>(kInputBytes);
  auto buffer = std::move(inputs_.back());
  inputs_.pop_back();
  return buffer;
}

void BufferPool::give(std::unique_ptr<InputBuffer> buffer) {
  if (!buffer || buffer->capacity != kInputBytes || inputs_.size() >= kFreeMax) return;
  buffer->begin = buffer->end = 0;
  inputs_.push_back(std::move(buffer));
}

std::unique_ptr<std::string> BufferPool::take_output() {
  if (outputs_.empty()) return std::make_unique<std::string>();
  auto buffer = std::move(outputs_.back());
  outputs_.pop_back();
  return buffer;
}

void BufferPool::give(std::unique_ptr<std::string> buffer) {
  if (!buffer || buffer->capacity() > kOutputKeepBytes || outputs_.size() >= kFreeMax) return;
  buffer->clear();
  outputs_.push_back(std::move(buffer));
}

}  // namespace trimaran::front
