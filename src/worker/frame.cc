#include "worker/frame.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace trimaran::worker {
namespace {

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

constexpr size_t kHeaderBytesMin = 2 * sizeof(uint32_t);  // both texts empty

// Reads from the front of `bytes`; after the first failure everything fails.
struct Reader {
  std::string_view bytes;
  bool good = true;

  template <class T>
  T number() {
    T value{};
    if (bytes.size() < sizeof value) {
      good = false;
      return value;
    }
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return value;
  }

  std::string_view text() {
    auto size = number<uint32_t>();
    if (!good || bytes.size() < size) {
      good = false;
      return {};
    }
    std::string_view out = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return out;
  }

  bool headers(std::vector<HeaderPair>& out) {
    auto count = number<uint32_t>();
    out.clear();
    if (!good || count > kFrameHeadersMax) return good = false;
    out.reserve(std::min<size_t>(count, bytes.size() / kHeaderBytesMin));
    for (uint32_t i = 0; i < count && good; ++i) {
      std::string_view name = text();
      out.emplace_back(name, text());
    }
    return good;
  }
};

void put_headers(std::string& out, const std::vector<HeaderPair>& headers) {
  put(out, static_cast<uint32_t>(headers.size()));
  for (const auto& [name, value] : headers) {
    put_text(out, name);
    put_text(out, value);
  }
}

// Writes the frame's header with a length that finish() sets once the payload is there: the head is built in place.
size_t begin(std::string& out, FrameType type, uint8_t flags, uint16_t slot) {
  size_t at = out.size();
  put(out, uint32_t{0});
  put(out, static_cast<uint8_t>(type));
  put(out, flags);
  put(out, slot);
  return at;
}

void finish(std::string& out, size_t at) {
  size_t length = out.size() - at - kFrameHeaderBytes;
  TRIMARAN_ASSERT(length <= kFramePayloadMax);
  auto value = static_cast<uint32_t>(length);
  std::memcpy(out.data() + at, &value, sizeof value);
}

}  // namespace

void append_frame(std::string& out, FrameType type, uint8_t flags, uint16_t slot, std::string_view payload) {
  size_t at = begin(out, type, flags, slot);
  out.append(payload);
  finish(out, at);
}

void append_body_header(std::string& out, uint8_t flags, uint16_t slot, size_t bytes) {
  TRIMARAN_ASSERT(bytes <= kFramePayloadMax);
  put(out, static_cast<uint32_t>(bytes));
  put(out, static_cast<uint8_t>(FrameType::body));
  put(out, flags);
  put(out, slot);
}

void append_credit(std::string& out, uint16_t slot, uint32_t bytes) {
  size_t at = begin(out, FrameType::credit, kNoFlags, slot);
  put(out, bytes);
  finish(out, at);
}

FrameStatus read_frame(std::string_view bytes, Frame& out, size_t& consumed) {
  consumed = 0;
  if (bytes.size() < kFrameHeaderBytes) return FrameStatus::incomplete;
  Reader reader{bytes};
  auto length = reader.number<uint32_t>();
  auto type = reader.number<uint8_t>();
  auto flags = reader.number<uint8_t>();
  auto slot = reader.number<uint16_t>();
  if (length > kFramePayloadMax || type < static_cast<uint8_t>(FrameType::request) ||
      type > static_cast<uint8_t>(FrameType::file) || flags > (kEnd | kTunnel) || slot >= kSlots) {
    return FrameStatus::invalid;
  }
  if (bytes.size() < kFrameHeaderBytes + length) return FrameStatus::incomplete;
  out = Frame{static_cast<FrameType>(type), flags, slot, bytes.substr(kFrameHeaderBytes, length)};
  consumed = kFrameHeaderBytes + length;
  return FrameStatus::frame;
}

std::optional<uint32_t> read_credit(const Frame& frame) {
  Reader reader{frame.payload};
  auto bytes = reader.number<uint32_t>();
  if (!reader.good || !reader.bytes.empty()) return std::nullopt;
  return bytes;
}

void append_file(std::string& out, uint16_t slot, const FileView& file) {
  size_t at = begin(out, FrameType::file, kEnd, slot);
  put(out, file.offset);
  put(out, file.length);
  finish(out, at);
}

std::optional<FileView> read_file_view(const Frame& frame) {
  Reader reader{frame.payload};
  FileView file{reader.number<uint64_t>(), 0};
  file.length = reader.number<uint64_t>();
  constexpr uint64_t kOffsetMax = INT64_MAX;  // off_t
  if (!reader.good || !reader.bytes.empty() || file.offset > kOffsetMax || file.length > kOffsetMax - file.offset)
    return std::nullopt;
  return file;
}

void append_request(std::string& out, uint16_t slot, uint8_t flags, const RequestHeadView& head) {
  size_t at = begin(out, FrameType::request, flags, slot);
  put(out, head.content_length);
  put(out, head.client_port);
  put(out, head.server_port);
  for (std::string_view text :
       {head.method, head.path, head.query, head.protocol, head.scheme, head.client_address, head.server_name}) {
    put_text(out, text);
  }
  put_headers(out, head.headers);
  finish(out, at);
}

bool parse_request(std::string_view payload, RequestHeadView& head) {
  Reader reader{payload};
  head.content_length = reader.number<int64_t>();
  head.client_port = reader.number<uint16_t>();
  head.server_port = reader.number<uint16_t>();
  for (std::string_view* text :
       {&head.method, &head.path, &head.query, &head.protocol, &head.scheme, &head.client_address, &head.server_name}) {
    *text = reader.text();
  }
  return reader.headers(head.headers) && reader.bytes.empty() && head.content_length >= -1;
}

bool fits_frame(const ResponseHeadView& head) {
  size_t bytes = head.reason.size();
  for (const auto& [name, value] : head.headers) bytes += name.size() + value.size();
  return head.headers.size() <= kFrameHeadersMax && bytes <= kResponseHeadBytesMax;
}

void append_response(std::string& out, uint16_t slot, bool end, const ResponseHeadView& head) {
  size_t at = begin(out, FrameType::response, end ? kEnd : kNoFlags, slot);
  put(out, head.content_length);
  put(out, head.status);
  put_text(out, head.reason);
  put_headers(out, head.headers);
  finish(out, at);
}

bool parse_response(std::string_view payload, ResponseHeadView& head) {
  Reader reader{payload};
  head.content_length = reader.number<int64_t>();
  head.status = reader.number<uint16_t>();
  head.reason = reader.text();
  return reader.headers(head.headers) && reader.bytes.empty() && head.content_length >= -1 && head.status >= 100 &&
         head.status <= 999;
}

}  // namespace trimaran::worker
