// Request heads and bodies: whatever the bytes, reading them at once and reading them one at a time must come to the
// same requests, and every view must lie inside the bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/body_decoder.h"
#include "http/request_head.h"

namespace {

using namespace trimaran::http;

constexpr HeadLimits kLimits{.request_line_bytes = 512, .header_bytes = 2048, .header_count = 16};
constexpr uint64_t kBodyMax = 4096;

// What a stream of bytes says, as text: one line a request, then how it ends.
class Reader {
 public:
  explicit Reader(std::string_view all) : all_(all) {}

  // `size` bytes of the stream have come so far.
  void read(size_t size) {
    while (!ended_ && step(size)) {
    }
  }
  const std::string& story() const { return story_; }

 private:
  bool step(size_t size) {
    std::string_view bytes = all_.substr(at_, size - at_);
    if (in_body_) return body_step(bytes);
    switch (scanner_.scan(bytes, kLimits)) {
      case HeadScanner::Outcome::need_more:
        return false;
      case HeadScanner::Outcome::refused:
        return end(scanner_.refusal().status);
      case HeadScanner::Outcome::complete:
        break;
    }
    std::string_view head = bytes.substr(scanner_.begin(), scanner_.end() - scanner_.begin());
    at_ += scanner_.end();
    scanner_.reset();
    if (Refusal refusal = parse_request_head(head, head_)) return end(refusal.status);
    tell_head(head);
    decoder_.start(head_.content_length, kBodyMax);
    in_body_ = true;
    return true;
  }

  bool body_step(std::string_view bytes) {
    BodyDecoder::Step s = decoder_.next(bytes);
    if (s.consumed > bytes.size()) std::abort();
    story_.append(s.data);
    at_ += s.consumed;
    switch (s.outcome) {
      case BodyDecoder::Outcome::need_more:
        return s.consumed > 0 && s.consumed < bytes.size();
      case BodyDecoder::Outcome::done:
        story_ += "\n";
        in_body_ = false;
        return true;
      case BodyDecoder::Outcome::malformed:
        return end(400);
      case BodyDecoder::Outcome::too_large:
        return end(413);
    }
    return false;
  }

  void tell_head(std::string_view head) {
    auto tell = [this, head](std::string_view view) {
      bool inside = view.data() >= head.data() && view.data() + view.size() <= head.data() + head.size();
      if (!inside && view != "/" && !view.empty()) std::abort();
      story_.append(view).append("|");
    };
    tell(head_.method_token);
    tell(head_.target);
    tell(head_.path);
    tell(head_.query);
    tell(head_.host);
    for (const HeaderView& h : head_.headers) {
      tell(h.name);
      tell(h.value);
      if (h.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) std::abort();
    }
    story_ +=
        std::to_string(head_.content_length) + (head_.keep_alive ? "k" : "c") + (head_.expect_continue ? "e" : "");
  }

  bool end(int status) {
    story_ += "=" + std::to_string(status);
    ended_ = true;
    return false;
  }

  std::string_view all_;
  size_t at_ = 0;
  HeadScanner scanner_;
  RequestHead head_;
  BodyDecoder decoder_;
  bool in_body_ = false;
  bool ended_ = false;
  std::string story_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Reader whole(bytes), slow(bytes);
  whole.read(size);
  for (size_t i = 1; i <= size; ++i) slow.read(i);
  if (whole.story() != slow.story()) std::abort();
  return 0;
}
