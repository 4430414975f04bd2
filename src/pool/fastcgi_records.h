// The records of FastCGI 1.0 (fastcgi-archives.github.io/FastCGI_Specification.html, section 3): 8 bytes of header, at
// most 65,535 of content, padding. One request at a time goes over a connection, so its id is always 1. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trimaran::pool {

enum class RecordType : uint8_t {
  begin_request = 1,
  abort_request = 2,
  end_request = 3,
  params = 4,
  stdin_ = 5,
  stdout_ = 6,
  stderr_ = 7,
};

// FCGI_RESPONDER with FCGI_KEEP_CONN: the application leaves the connection open after the response.
void append_begin_request(std::string& out);
// As many records as the content needs; none when it is empty.
void append_records(std::string& out, RecordType type, std::string_view content);
// The empty record that ends a stream.
void append_stream_end(std::string& out, RecordType type);
// One name-value pair (section 3.4) for the content of params records.
void append_param(std::string& out, std::string_view name, std::string_view value);

// Takes records apart as bytes come; content is passed on in place, so nothing is kept.
class RecordReader {
 public:
  struct Step {
    enum class Kind : uint8_t { need_more, content, ended, malformed };
    Kind kind = Kind::need_more;
    size_t consumed = 0;
    RecordType type = RecordType::stdout_;  // of `content`
    std::string_view bytes;                 // a piece of stdout_ or stderr_; of other types nothing is told
  };
  // `ended`: FCGI_END_REQUEST has come whole; app_status() and protocol_status() are set.
  Step next(std::string_view bytes);
  uint32_t app_status() const { return app_status_; }
  uint8_t protocol_status() const { return protocol_status_; }  // section 5.5: 0 is FCGI_REQUEST_COMPLETE

 private:
  static constexpr size_t kHeaderBytes = 8;
  bool read_header();
  Step conclude_end_request(size_t consumed);

  unsigned char header_[kHeaderBytes] = {};
  unsigned char end_body_[8] = {};
  size_t header_size_ = 0;
  size_t end_size_ = 0;
  size_t content_left_ = 0;
  size_t padding_left_ = 0;
  RecordType type_ = RecordType::stdout_;
  uint32_t app_status_ = 0;
  uint8_t protocol_status_ = 0;
};

}  // namespace trimaran::pool
