#include "strict/expectation.h"

#include <algorithm>
#include <array>

namespace trimaran::strict {

namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = make_crc_table();

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

uint32_t crc32(std::string_view bytes) {
  uint32_t c = 0xffffffffu;
  for (char b : bytes) c = kCrcTable[(c ^ static_cast<uint8_t>(b)) & 0xff] ^ (c >> 8);
  return c ^ 0xffffffffu;
}

std::string fill_in(std::string_view text, const Values& values) {
  std::string out(text);
  if (out.find('{') == std::string::npos) return out;
  replace_all(out, "{id}", std::to_string(values.id));
  replace_all(out, "{length}", std::to_string(values.length));
  replace_all(out, "{crc32}", std::to_string(values.crc32));
  return out;
}

void Check::start(const Expectation& expectation, const Values& values) {
  expectation_ = &expectation;
  wanted_.clear();
  if (expectation.body) wanted_ = fill_in(*expectation.body, values);
  if (expectation.prefix) wanted_ = fill_in(*expectation.prefix, values);
  differs_ = false;
  length_ = 0;
  excerpt_.clear();
  whole_.clear();
}

void Check::feed(std::string_view piece) {
  if (excerpt_.size() < kExcerptBytes) excerpt_.append(piece.substr(0, kExcerptBytes - excerpt_.size()));
  if (expectation_->pattern) {
    whole_.append(piece.substr(0, Expectation::kPatternBodyMax - whole_.size()));
  }
  if (length_ < wanted_.size()) {
    size_t count = std::min(piece.size(), wanted_.size() - static_cast<size_t>(length_));
    differs_ |= piece.substr(0, count) != std::string_view(wanted_).substr(length_, count);
  }
  length_ += piece.size();
}

bool Check::status_right(int status) const {
  return std::find(expectation_->statuses.begin(), expectation_->statuses.end(), status) !=
         expectation_->statuses.end();
}

bool Check::body_right() const {
  if (differs_ || length_ < wanted_.size()) return false;
  if (expectation_->body && length_ != wanted_.size()) return false;
  if (expectation_->length && length_ != *expectation_->length) return false;
  return !expectation_->pattern ||
         (length_ <= Expectation::kPatternBodyMax && std::regex_search(whole_, *expectation_->pattern));
}

}  // namespace trimaran::strict
