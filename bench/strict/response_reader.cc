#include "strict/response_reader.h"

#include <algorithm>

#include "base/strings.h"
#include "http/syntax.h"

namespace trimaran::strict {

void ResponseReader::start(bool head_request) {
  *this = ResponseReader();
  head_request_ = head_request;
  state_ = State::head;
}

ResponseReader::Step ResponseReader::next(std::string_view bytes) {
  if (bytes.empty()) return {0, {}, Outcome::need_more};
  begun_ = true;
  switch (state_) {
    case State::head: {
      size_t old = head_.size();
      head_.append(bytes.substr(0, kHeadBytesMax + 4 - old));
      size_t end = head_.find("\r\n\r\n", old < 3 ? 0 : old - 3);
      if (end == std::string::npos) {
        bool room = head_.size() < kHeadBytesMax + 4;
        return {head_.size() - old, {}, room ? Outcome::need_more : Outcome::malformed};
      }
      head_.resize(end + 4);
      if (!parse_head()) state_ = State::malformed;
      Outcome outcome = state_ == State::done        ? Outcome::done
                        : state_ == State::malformed ? Outcome::malformed
                                                     : Outcome::need_more;
      return {end + 4 - old, {}, outcome};
    }
    case State::body: {
      http::BodyDecoder::Step step = body_.next(bytes);
      switch (step.outcome) {
        case http::BodyDecoder::Outcome::need_more:
          return {step.consumed, step.data, Outcome::need_more};
        case http::BodyDecoder::Outcome::done:
          state_ = State::done;
          return {step.consumed, step.data, Outcome::done};
        default:
          state_ = State::malformed;
          return {step.consumed, step.data, Outcome::malformed};
      }
    }
    case State::until_end:
      return {bytes.size(), bytes, Outcome::need_more};
    case State::done:
    case State::malformed:
      break;
  }
  return {0, {}, Outcome::malformed};  // bytes that nobody asked for
}

// RFC 9112 section 4: HTTP-version SP 3DIGIT SP [reason].
bool ResponseReader::parse_head() {
  std::string_view text = std::string_view(head_).substr(0, head_.size() - 2);
  size_t end = text.find("\r\n");
  std::string_view line = text.substr(0, end);
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || (line[7] != '0' && line[7] != '1') || line[8] != ' ') {
    return false;
  }
  if (line.size() > 12 && line[12] != ' ') return false;
  auto status = parse_u64(line.substr(9, 3));
  if (!status || *status < 100 || *status > 599 || !http::all_are(line, http::kFieldByte)) return false;
  minor_ = line[7] - '0';
  status_ = static_cast<int>(*status);
  if (!read_headers(text.substr(end + 2))) return false;
  if (status_ < 200 && status_ != 101) {  // RFC 9110 section 15.2: the final response follows
    if (++interim_ > kInterimMax) return false;
    status_ = 0;
    length_ = -1;
    chunked_ = closes_ = keeps_ = false;
    head_.clear();
    return true;
  }
  choose_framing();
  return true;
}

bool ResponseReader::read_headers(std::string_view lines) {
  while (!lines.empty()) {
    size_t end = lines.find("\r\n");
    std::string_view line = lines.substr(0, end);
    size_t colon = line.find(':');
    if (colon == std::string_view::npos || !http::is_token(line.substr(0, colon))) return false;
    std::string_view value = http::strip_ows(line.substr(colon + 1));
    if (!http::all_are(value, http::kFieldByte)) return false;
    if (!take_header(line.substr(0, colon), value)) return false;
    lines.remove_prefix(end + 2);
  }
  return !(chunked_ && length_ >= 0);  // RFC 9112 section 6.2: never both
}

bool ResponseReader::take_header(std::string_view name, std::string_view value) {
  if (iequals(name, "content-length")) {
    auto length = parse_u64(value);
    if (!length || *length > INT64_MAX || (length_ >= 0 && static_cast<uint64_t>(length_) != *length)) return false;
    length_ = static_cast<int64_t>(*length);
  } else if (iequals(name, "transfer-encoding")) {
    if (!iequals(value, "chunked") || minor_ == 0) return false;  // we asked for no other
    chunked_ = true;
  } else if (iequals(name, "connection")) {
    http::for_each_element(value, [this](std::string_view option) {
      if (iequals(option, "close")) closes_ = true;
      if (iequals(option, "keep-alive")) keeps_ = true;
    });
  }
  return true;
}

// RFC 9112 section 6.3.
void ResponseReader::choose_framing() {
  if (minor_ == 0 && !keeps_) closes_ = true;
  bool bodyless = head_request_ || status_ == 101 || status_ == 204 || status_ == 304;
  if (bodyless || length_ == 0) {
    state_ = State::done;
  } else if (chunked_ || length_ > 0) {
    body_.start(chunked_ ? -1 : length_, UINT64_MAX);
    state_ = State::body;
  } else {
    closes_ = true;
    state_ = State::until_end;
  }
}

std::string_view ResponseReader::header(std::string_view name) const {
  std::string_view text = head_;
  for (size_t at = text.find("\r\n"); at != std::string_view::npos && at + 4 < text.size();) {
    size_t from = at + 2, end = text.find("\r\n", from);
    std::string_view line = text.substr(from, end - from);
    size_t colon = line.find(':');
    if (colon != std::string_view::npos && iequals(line.substr(0, colon), name)) {
      return http::strip_ows(line.substr(colon + 1));
    }
    at = end;
  }
  return {};
}

}  // namespace trimaran::strict
