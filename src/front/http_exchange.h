// One HTTP/1.1 request and its response, between a Connection (bytes in, bytes out) and a Handler. Decides framing and
// persistence, counts what is promised against what is sent, and writes the log line. Reused: a connection borrows one
// for the time of a request. It never ends itself inside a call from a handler; it wakes the connection, which does.
#pragma once

#include <memory>
#include <string>

#include "front/buffer_pool.h"
#include "front/context.h"
#include "front/exchange.h"
#include "http/body_decoder.h"
#include "http/head_scanner.h"
#include "http/response_writer.h"

namespace trimaran::front {

class HttpExchange final : public Exchange {
 public:
  // A request body that the handler did not read is read and dropped up to here to keep the connection; beyond, the
  // connection is closed.
  static constexpr uint64_t kDiscardBytesMax = 256 * 1024;

  explicit HttpExchange(Context& context) : context_(context) {}

  // For the Connection ------------------------------------------------------------------------------------------------
  void begin(Connection& connection);
  http::RequestHead& head() { return head_; }
  void dispatch();                            // finds the handler and starts it
  void refuse(const http::Refusal& refusal);  // what could not be parsed
  // Keeps the memory that the head's views point into.
  void adopt(std::unique_ptr<InputBuffer> buffer) { head_buffer_ = std::move(buffer); }
  bool finished() const { return finished_; }
  bool body_wanted() const { return finished_ ? discards_body() : body_resumed_ && !body_ended_; }
  // Takes bytes of the body; returns how many. The request body may be over, or refused, afterwards.
  size_t feed(std::string_view bytes);
  void body_timed_out();
  bool wants_room() const { return wants_room_ && !finished_; }
  void on_room();
  // The handler has finished and nothing of the request is left to read.
  bool complete() const { return finished_ && !discards_body(); }
  bool keeps_connection() const { return keep_alive_ && decoder_.done() && !cut_; }
  bool tunnel() const { return framing_ == http::Framing::tunnel; }
  bool ends_with_client() const { return !finished_ && responder_ && responder_->ends_with_client(); }
  void on_client_end();  // of a tunnel: the client has ended its side
  bool body_unread() const { return !decoder_.done(); }
  bool cut() const { return cut_; }
  void end();  // back to the free list: the responder goes, the log line is written

  // Exchange ----------------------------------------------------------------------------------------------------------
  const http::RequestHead& request() const override { return head_; }
  std::string_view client_address() const override;
  uint16_t client_port() const override;
  uint16_t server_port() const override;
  std::string_view site() const override { return site_ ? std::string_view(site_->config->domain) : ""; }
  EventLoop& loop() override { return context_.loop; }
  void set_responder(std::unique_ptr<Responder> responder) override { responder_ = std::move(responder); }
  int64_t body_length() const override { return head_.content_length; }
  std::string_view upgrade() const override;
  void resume_body() override;
  void pause_body() override { body_resumed_ = false; }
  void send_head(http::ResponseHead head) override;
  bool send_body(std::string_view bytes) override;
  void finish() override;
  void fail(int status, std::string_view reason, int retry_after_s = 0) override;
  bool head_sent() const override { return head_sent_; }
  bool send_file(Fd file, uint64_t offset, uint64_t length) override;
  void answer_with_files(std::string_view target, Headers headers) override;
  bool send_file_part(const PinnedFile& file, int64_t offset, int64_t length) override;
  bool send_prebuilt(const PinnedFile& file) override;
  void set_upstream(std::string_view name) override { upstream_ = name; }

 private:
  bool discards_body() const { return keep_alive_ && !cut_ && !decoder_.done(); }
  Handler* route();
  http::BodyDecoder::Step decode(std::string_view bytes, std::string& gathered);
  void add_upgrade(http::ResponseHead& head) const;
  void compact_head();
  void replace_headers(http::ResponseHead& head);
  http::Framing choose_framing(const http::ResponseHead& head) const;
  void refuse_body(int status, std::string_view reason);
  void send_error_page(int status, int retry_after_s);
  void cut_connection();
  void log();

  Context& context_;
  Connection* connection_ = nullptr;
  Snapshot* snapshot_ = nullptr;
  const Site* site_ = nullptr;
  http::RequestHead head_;
  std::unique_ptr<InputBuffer> head_buffer_;
  std::unique_ptr<Responder> responder_;
  http::BodyDecoder decoder_;
  http::Framing framing_ = http::Framing::none;
  Millis started_ = 0;
  int status_ = 0;
  int64_t promised_left_ = 0;  // Framing::length: body bytes still to be sent
  uint64_t body_sent_ = 0;
  uint64_t discarded_ = 0;
  std::string upstream_;
  std::string scratch_;        // the decoded path
  std::string redirected_to_;  // X-Accel-Redirect: head_.path and head_.query point here
  Headers replaced_headers_;   // and these are the application's
  bool parsed_ = false;        // the head is whole; false when it was refused
  bool body_resumed_ = false;
  bool body_began_ = false;  // the client sends it without waiting (or was told to)
  bool body_ended_ = false;  // on_body_end was called
  bool head_sent_ = false;
  bool body_allowed_ = true;  // of the response
  bool keep_alive_ = true;
  bool wants_room_ = false;
  bool finished_ = false;
  bool cut_ = false;  // the connection must not be used again, and what is queued is all there will be
};

}  // namespace trimaran::front
