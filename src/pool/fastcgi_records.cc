#include "pool/fastcgi_records.h"

#include <algorithm>

namespace trimaran::pool {
namespace {

constexpr unsigned char kVersion = 1;
constexpr unsigned char kRequestId = 1;
constexpr size_t kContentMax = 65'528;  // the largest multiple of 8 that fits: no padding for full records

void append_header(std::string& out, RecordType type, size_t length, size_t padding) {
  const unsigned char header[8] = {kVersion,
                                   static_cast<unsigned char>(type),
                                   0,
                                   kRequestId,
                                   static_cast<unsigned char>(length >> 8),
                                   static_cast<unsigned char>(length & 0xff),
                                   static_cast<unsigned char>(padding),
                                   0};
  out.append(reinterpret_cast<const char*>(header), sizeof header);
}

// Section 3.4: one byte below 128, otherwise four with the highest bit set.
void append_length(std::string& out, size_t length) {
  if (length < 128) {
    out += static_cast<char>(length);
    return;
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    auto byte = static_cast<unsigned char>(length >> shift & 0xff);
    out += static_cast<char>(shift == 24 ? byte | 0x80 : byte);
  }
}

}  // namespace

void append_begin_request(std::string& out) {
  append_header(out, RecordType::begin_request, 8, 0);
  constexpr char kBody[8] = {0, 1 /* FCGI_RESPONDER */, 1 /* FCGI_KEEP_CONN */, 0, 0, 0, 0, 0};
  out.append(kBody, sizeof kBody);
}

void append_records(std::string& out, RecordType type, std::string_view content) {
  while (!content.empty()) {
    std::string_view part = content.substr(0, kContentMax);
    content.remove_prefix(part.size());
    size_t padding = (8 - part.size() % 8) % 8;
    append_header(out, type, part.size(), padding);
    out.append(part).append(padding, '\0');
  }
}

void append_stream_end(std::string& out, RecordType type) { append_header(out, type, 0, 0); }

void append_param(std::string& out, std::string_view name, std::string_view value) {
  append_length(out, name.size());
  append_length(out, value.size());
  out.append(name).append(value);
}

RecordReader::Step RecordReader::next(std::string_view bytes) {
  size_t at = 0;
  for (;;) {
    if (header_size_ < kHeaderBytes) {
      while (header_size_ < kHeaderBytes && at < bytes.size()) {
        header_[header_size_++] = static_cast<unsigned char>(bytes[at++]);
      }
      if (header_size_ < kHeaderBytes) return {Step::Kind::need_more, at, {}, {}};
      if (!read_header()) return {Step::Kind::malformed, at, {}, {}};
    }
    std::string_view content = bytes.substr(at, content_left_);
    at += content.size();
    content_left_ -= content.size();
    if (!content.empty() && (type_ == RecordType::stdout_ || type_ == RecordType::stderr_)) {
      return {Step::Kind::content, at, type_, content};
    }
    if (type_ == RecordType::end_request) {
      for (char c : content) {
        if (end_size_ < sizeof end_body_) end_body_[end_size_++] = static_cast<unsigned char>(c);
      }
    }
    if (content_left_ > 0) return {Step::Kind::need_more, at, {}, {}};
    size_t padding = std::min(padding_left_, bytes.size() - at);
    at += padding;
    padding_left_ -= padding;
    if (padding_left_ > 0) return {Step::Kind::need_more, at, {}, {}};
    header_size_ = 0;
    if (type_ == RecordType::end_request) return conclude_end_request(at);
    if (at == bytes.size()) return {Step::Kind::need_more, at, {}, {}};
  }
}

bool RecordReader::read_header() {
  type_ = static_cast<RecordType>(header_[1]);
  content_left_ = static_cast<size_t>(header_[4]) << 8 | header_[5];
  padding_left_ = header_[6];
  end_size_ = 0;
  if (header_[0] != kVersion || header_[2] != 0 || header_[3] != kRequestId) return false;
  if (type_ == RecordType::end_request) return content_left_ == sizeof end_body_;
  return type_ == RecordType::stdout_ || type_ == RecordType::stderr_;
}

RecordReader::Step RecordReader::conclude_end_request(size_t consumed) {
  app_status_ = 0;
  for (int i = 0; i < 4; ++i) app_status_ = app_status_ << 8 | end_body_[i];
  protocol_status_ = end_body_[4];
  return {Step::Kind::ended, consumed, {}, {}};
}

}  // namespace trimaran::pool
