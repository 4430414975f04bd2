// FastCGI 1.0, role Responder, as an UpstreamCodec: what php-fpm speaks. The request becomes CGI variables, its body
// FCGI_STDIN; FCGI_STDOUT is a CGI response, FCGI_STDERR goes to the log.
#pragma once

#include "http/head_scanner.h"
#include "pool/fastcgi_records.h"
#include "pool/php_script.h"
#include "pool/upstream_codec.h"

namespace trimaran::pool {

class FastCgiCodec final : public UpstreamCodec {
 public:
  // A body of unknown length (chunked) is held until its end, because CGI knows only counted ones (RFC 3875 section
  // 4.1.2). Browsers and curl count what they send; a longer one is refused.
  static constexpr size_t kUncountedBytesMax = 1024 * 1024;

  // `scripts` finds the script of a path; outlives the codec.
  explicit FastCgiCodec(const PhpScripts& scripts) : scripts_(scripts) {}

  void start(const worker::RequestHeadView& head, uint8_t flags, std::string& out) override;
  bool body(std::string_view bytes, bool end, std::string& out) override;
  Step next(std::string_view bytes) override;
  Step closed() override;
  const worker::ResponseHeadView& head() const override { return head_; }
  bool reusable() const override { return state_ == State::ended && request_sent_ && clean_; }

 private:
  enum class State : uint8_t { head, body, ended };
  Step on_stdout(std::string_view bytes, size_t consumed);
  void finish_params(int64_t content_length, std::string& out);
  static Step broken(std::string_view why) { return {Step::Kind::broken, 0, why}; }

  const PhpScripts& scripts_;
  State state_ = State::ended;
  bool request_sent_ = false;
  bool counted_ = true;
  bool clean_ = false;     // the peer said FCGI_REQUEST_COMPLETE
  bool discards_ = false;  // a HEAD's body
  std::string params_;     // held back while the body's length is not known
  std::string held_body_;
  RecordReader reader_;
  http::HeadScanner scanner_;
  std::string head_text_;  // the CGI head, which may come in several records
  std::string_view left_;  // of the record that ended the head: the first of the body
  worker::ResponseHeadView head_;
};

// The CGI variables of a request (RFC 3875 section 4.1 and what PHP expects beyond), as name-value pairs.
void append_cgi_params(const worker::RequestHeadView& head, const PhpScript& script, std::string_view document_root,
                       std::string& out);

}  // namespace trimaran::pool
