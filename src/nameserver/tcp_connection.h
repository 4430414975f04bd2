// One TCP client of the name server; see tcp_server.h for the rules it lives by.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "nameserver/tcp_server.h"

namespace trimaran {

class TcpConnection final : public IoHandler {
 public:
  TcpConnection(TcpServer& server, Fd socket, std::string client);
  ~TcpConnection() override;

  Status start();
  void on_io(uint32_t events) override;
  bool has_replies_to_send() const { return !out_.empty(); }

  // Kept by the server.
  TcpServer::Connections::iterator place;
  Millis last_progress = 0;
  const std::string& client() const { return client_; }

 private:
  bool read();  // these four: false when the connection is broken
  bool exchange();
  bool end_output();
  bool discard();
  void answer_queries();
  bool answer_one(std::string_view query);  // false: this was the last one
  bool write();
  void note_taken_answers();
  void watch();
  bool has_room() const { return out_.size() - out_sent_ < TcpServer::kMaxPendingReplyBytes; }
  bool wants_input() const { return !input_ended_ && has_room(); }

  TcpServer& server_;
  Fd socket_;
  std::string client_;
  std::string in_;   // the beginning of a query, or queries that wait for room in out_
  std::string out_;  // framed answers
  size_t out_sent_ = 0;
  size_t out_taken_ = 0;  // of that, whole answers
  size_t queries_ = 0;
  bool input_ended_ = false;   // by the peer, or because nothing more is taken from it; it still gets its answers
  bool peer_ended_ = false;    // by the peer
  bool output_ended_ = false;  // by us: what still comes is dropped
  uint32_t watched_ = 0;
};

}  // namespace trimaran
