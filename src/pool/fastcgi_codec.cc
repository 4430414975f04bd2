#include "pool/fastcgi_codec.h"

#include <algorithm>

#include "base/strings.h"
#include "http/response_head.h"
#include "pool/cgi_head.h"

namespace trimaran::pool {
namespace {

// RFC 3875 section 4.1.18. A name with an underscore would become the same variable as one with a hyphen, which a proxy
// may vouch for; "Proxy" would become HTTP_PROXY, which programs take for their own setting (CVE-2016-5385).
bool becomes_variable(std::string_view name) {
  if (name.find('_') != std::string_view::npos || http::is_hop_by_hop(name)) return false;
  return !iequals(name, "proxy") && !iequals(name, "content-length") && !iequals(name, "content-type") &&
         !iequals(name, "expect");
}

std::string variable_name(std::string_view name) {
  std::string out = "HTTP_";
  for (char c : name) out += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

void append_headers(const worker::RequestHeadView& head, std::string& out) {
  for (size_t i = 0; i < head.headers.size(); ++i) {
    const auto& [name, value] = head.headers[i];
    if (iequals(name, "content-type")) {
      append_param(out, "CONTENT_TYPE", value);
      continue;
    }
    if (!becomes_variable(name)) continue;
    // PHP would keep the last of several fields; RFC 9110 section 5.3 says how they are one.
    auto same = [&name](const worker::HeaderPair& other) { return iequals(other.first, name); };
    auto at = head.headers.begin() + static_cast<ptrdiff_t>(i);
    if (std::any_of(head.headers.begin(), at, same)) continue;
    if (std::none_of(at + 1, head.headers.end(), same)) {
      append_param(out, variable_name(name), value);
      continue;
    }
    std::string joined(value);
    for (auto other = at + 1; other != head.headers.end(); ++other) {
      if (same(*other)) joined.append(iequals(name, "cookie") ? "; " : ", ").append(other->second);
    }
    append_param(out, variable_name(name), joined);
  }
}

}  // namespace

void append_cgi_params(const worker::RequestHeadView& head, const PhpScript& script, std::string_view document_root,
                       std::string& out) {
  std::string uri(head.path);
  if (!head.query.empty()) uri.append("?").append(head.query);
  append_param(out, "GATEWAY_INTERFACE", "CGI/1.1");
  append_param(out, "SERVER_SOFTWARE", "trimaran");
  append_param(out, "REQUEST_METHOD", head.method);
  append_param(out, "REQUEST_URI", uri);
  append_param(out, "DOCUMENT_URI", script.name + script.path_info);
  append_param(out, "QUERY_STRING", head.query);
  append_param(out, "SERVER_PROTOCOL", head.protocol);
  append_param(out, "REQUEST_SCHEME", head.scheme);
  append_param(out, "SERVER_NAME", head.server_name);
  append_param(out, "SERVER_PORT", std::to_string(head.server_port));
  append_param(out, "REMOTE_ADDR", head.client_address);
  append_param(out, "REMOTE_PORT", std::to_string(head.client_port));
  append_param(out, "DOCUMENT_ROOT", document_root);
  append_param(out, "SCRIPT_NAME", script.name);
  append_param(out, "SCRIPT_FILENAME", script.file);
  if (!script.path_info.empty()) {
    append_param(out, "PATH_INFO", script.path_info);
    append_param(out, "PATH_TRANSLATED", std::string(document_root) + script.path_info);
  }
  append_param(out, "REDIRECT_STATUS", "200");  // PHP built with force-cgi-redirect refuses to run without it
  if (head.scheme == "https") append_param(out, "HTTPS", "on");
  append_headers(head, out);
}

void FastCgiCodec::start(const worker::RequestHeadView& head, uint8_t flags, std::string& out) {
  state_ = State::head;
  request_sent_ = flags & worker::kEnd;
  clean_ = false;
  discards_ = head.method == "HEAD";
  counted_ = request_sent_ || head.content_length >= 0;
  reader_ = RecordReader();
  scanner_.reset();
  head_text_.clear();
  held_body_.clear();
  params_.clear();
  append_cgi_params(head, scripts_.find(head.path), scripts_.folder(), params_);
  if (!counted_) return;
  finish_params(request_sent_ ? 0 : head.content_length, out);
  if (request_sent_) append_stream_end(out, RecordType::stdin_);
}

void FastCgiCodec::finish_params(int64_t content_length, std::string& out) {
  if (content_length > 0) append_param(params_, "CONTENT_LENGTH", std::to_string(content_length));
  append_begin_request(out);
  append_records(out, RecordType::params, params_);
  append_stream_end(out, RecordType::params);
  params_.clear();
}

bool FastCgiCodec::body(std::string_view bytes, bool end, std::string& out) {
  if (!counted_) {
    if (held_body_.size() + bytes.size() > kUncountedBytesMax) return false;
    held_body_.append(bytes);
    if (!end) return true;
    finish_params(static_cast<int64_t>(held_body_.size()), out);
    bytes = held_body_;
  }
  append_records(out, RecordType::stdin_, bytes);
  if (!end) return true;
  append_stream_end(out, RecordType::stdin_);
  request_sent_ = true;
  held_body_.clear();
  held_body_.shrink_to_fit();
  return true;
}

UpstreamCodec::Step FastCgiCodec::next(std::string_view bytes) {
  if (!left_.empty()) return {Step::Kind::data, 0, std::exchange(left_, {})};
  if (state_ == State::ended) return {};
  size_t consumed = 0;
  for (;;) {
    RecordReader::Step step = reader_.next(bytes.substr(consumed));
    consumed += step.consumed;
    switch (step.kind) {
      case RecordReader::Step::Kind::need_more:
        return {Step::Kind::need_more, consumed, {}};
      case RecordReader::Step::Kind::malformed:
        return broken("a FastCGI record is malformed");
      case RecordReader::Step::Kind::ended:
        if (state_ == State::head) return broken("the response has no head");
        clean_ = reader_.protocol_status() == 0;
        state_ = State::ended;
        return {Step::Kind::end, consumed, {}};
      case RecordReader::Step::Kind::content:
        break;
    }
    if (step.type == RecordType::stderr_) return {Step::Kind::log, consumed, step.bytes};
    Step told = on_stdout(step.bytes, consumed);
    if (told.kind != Step::Kind::need_more) return told;
  }
}

UpstreamCodec::Step FastCgiCodec::on_stdout(std::string_view bytes, size_t consumed) {
  if (state_ == State::body) {
    if (discards_) return {Step::Kind::need_more, consumed, {}};
    return {Step::Kind::data, consumed, bytes};
  }
  size_t before = head_text_.size();
  head_text_.append(bytes);
  size_t head_end = 2;
  if (head_text_.starts_with("\r\n")) {
    // A script may take away every header field.
    if (http::Refusal refusal = parse_cgi_head("\r\n", head_)) return broken(refusal.reason);
  } else {
    switch (scanner_.scan(head_text_, http::kResponseHeadLimits)) {
      case http::HeadScanner::Outcome::need_more:
        return {Step::Kind::need_more, consumed, {}};
      case http::HeadScanner::Outcome::refused:
        return broken(scanner_.refusal().reason);
      case http::HeadScanner::Outcome::complete:
        break;
    }
    head_end = scanner_.end();
    if (http::Refusal refusal = parse_cgi_head(std::string_view(head_text_).substr(0, head_end), head_)) {
      return broken(refusal.reason);
    }
  }
  state_ = State::body;
  if (!discards_) left_ = bytes.substr(head_end - before);
  return {Step::Kind::head, consumed, {}};
}

UpstreamCodec::Step FastCgiCodec::closed() {
  state_ = State::ended;
  clean_ = false;
  return {Step::Kind::lost, 0, {}};
}

}  // namespace trimaran::pool
