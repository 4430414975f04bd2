// One line a request, in the combined format that every log tool reads, then what ours adds: seconds taken, site, and
// who answered. Collected per thread and written in large pieces; no line allocates anything.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "front/clock.h"
#include "http/message.h"
#include "os/event_loop.h"

namespace trimaran::front {

struct AccessRecord {
  std::string_view client;
  const http::RequestHead& request;
  int status = 0;
  uint64_t body_bytes = 0;
  Millis duration = 0;
  std::string_view site;
  std::string_view upstream;  // "" for none
};

class AccessLog final : public Timer {
 public:
  static constexpr size_t kBufferBytes = 64 * 1024;  // written when it is this full
  static constexpr size_t kFieldBytesMax = 2048;     // longer fields are cut: a line must not be a weapon
  static constexpr size_t kNumberBytesMax = 20;      // of 64 bits
  // Each field with all bytes escaped, and less than a field for the rest.
  static constexpr size_t kLineBytesMax = 7 * 4 * kFieldBytesMax;
  static constexpr Millis kFlushMs = 1000;  // and at the latest after this time

  AccessLog(EventLoop& loop, const Clock& clock);
  ~AccessLog() override { flush(); }

  // Where lines go from now on; an empty one drops them. What is collected goes to the old one first.
  void set_file(Fd file);
  void write(const AccessRecord& record);
  void flush();

 private:
  void on_timer() override { flush(); }
  // There is room: a line has at most kLineBytesMax.
  void append(std::string_view text) { size_ += text.copy(buffer_.get() + size_, text.size()); }
  void append_escaped(std::string_view text);
  void append_number(uint64_t number);

  EventLoop& loop_;
  const Clock& clock_;
  Fd file_;
  std::unique_ptr<char[]> buffer_;  // of kBufferBytes and a line more, from the first file on
  size_t size_ = 0;
};

}  // namespace trimaran::front
