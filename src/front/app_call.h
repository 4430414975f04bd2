// One request on its way through the application: from an Exchange (one client's request) through the pool to a channel
// and back, with back-pressure both ways.
//
// The request body is collected up to kBodyHeadBytes before a target is asked for, so that a small upload over a slow
// line occupies no worker; the rest streams by credit. What was collected is kept until the response begins: a request
// whose worker died can then be given to another one, if the retry rule allows it (on_lost): nothing was begun, any
// method may go to another target; begun but no byte of the response, only what may run twice (RFC 9110 section 9.2.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "front/exchange.h"
#include "front/site_app.h"
#include "front/tunnel.h"
#include "os/event_loop.h"
#include "pool/channel.h"
#include "pool/pool.h"

namespace trimaran::front {

constexpr size_t kBodyHeadBytes = 64 * 1024;  // of a request body, in memory before dispatch
constexpr int kKillsMax = 2;                  // workers that one request may lose before it is refused
constexpr int kRetryAfterS = 2;               // what a 503 tells the client

class AppCall final : public Responder, public pool::Waiter, public pool::Call, public TunnelOwner, private Timer {
 public:
  struct Limits {
    Millis timeout_ms = 0;     // from dispatch to the head of the response
    Millis queue_wait_ms = 0;  // for a target
    bool tunnels = false;      // whether such an application can answer an Upgrade; if not, it is ignored
    // A FIN ends the request: of an application that is told when its client leaves, as every other server of its kind
    // does it. TCP cannot tell a client that left from one that only says no more.
    bool ends_with_client = false;
    bool shows_reason = false;  // [app] dev: the page says why the application cannot be started, with its traceback
  };

  AppCall(Exchange& exchange, SiteApp& app, Limits limits) : exchange_(exchange), app_(app), limits_(limits) {}
  ~AppCall() override { let_go(); }

  void begin();

  // Responder: from the client.
  void on_body_data(std::string_view bytes) override;
  void on_body_end() override;
  void on_writable() override;
  bool ends_with_client() const override { return limits_.ends_with_client && !tunnel_; }

 private:
  // Waiter: from the pool.
  void on_granted(pool::TargetId target, bool prefetched) override { dispatch(target, prefetched); }
  void on_refused() override { refuse_broken(); }

  // Call: from the channel.
  void on_response(const worker::ResponseHeadView& head, bool end) override;
  void on_response_body(std::string_view bytes, bool end) override;
  void on_response_file(Fd file, worker::FileView part) override;
  void on_credit(uint32_t bytes) override;
  void on_failed(int status, std::string_view reason) override;
  void on_returned() override;
  void on_lost(pool::Begun begun) override;

  void end_tunnel(Millis delay_ms) override;
  void end_tunnel_now();
  void begin_tunnel();
  void warn_of_send_file();

  bool answer_with_files(const worker::ResponseHeadView& head);

  void on_timer() override;  // waited too long: for a target, for its answer or for the end of a tunnel
  void on_no_answer();

  void ask_once();
  void ask_for_target(bool again);
  void dispatch(pool::TargetId target, bool prefetched);
  void try_again();
  worker::RequestHeadView head() const;
  bool asks_for_tunnel() const;
  bool has_body() const { return exchange_.body_length() != 0; }
  void send_pending_body();
  void keep_for_replay(std::string_view part);
  void give_credit();

  void let_go();
  void refuse(int status, std::string_view reason, int retry_after_s = 0);
  void refuse_broken();

  Exchange& exchange_;
  SiteApp& app_;
  const Limits limits_;
  pool::Channel* channel_ = nullptr;  // while a target has the request
  uint16_t slot_ = 0;
  int kills_ = 0;
  bool asked_ = false;
  bool body_complete_ = false;  // all of it has come from the client
  bool body_sent_ = false;      // all of it has gone to the target
  bool client_full_ = false;
  bool file_sent_ = false;  // the response is a file: only its end is left to say
  bool replayable_ = true;
  std::optional<Tunnel> tunnel_;
  Millis tunnel_ends_at_ = 0;  // at the latest; 0: it goes on
  uint32_t window_ = 0;        // bytes of the body that the target can still take
  uint32_t owed_credit_ = 0;   // response bytes that the client has taken and the target was not told of
  std::string pending_;        // of the body: come, not sent
  std::string replay_;         // of the body: sent, kept for another target
};

}  // namespace trimaran::front
