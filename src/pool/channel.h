// The way from one front thread to one target, whatever the target speaks: worker frames (worker_channel.h), HTTP/1.1
// or FastCGI. A request is a *call*; a channel runs many at a time, and the slot tells them apart.
//
// Every channel keeps the same promises, so that the retry rule (front/app_call.h) needs to know no protocol: a call
// ends exactly once, with its response's end, on_failed(), on_returned() or on_lost(); the pool's target was released
// before that; after abort() nothing is said to the call any more.
#pragma once

#include <cstdint>
#include <string_view>

#include "os/fd.h"
#include "pool/pool.h"
#include "worker/frame.h"

namespace trimaran::pool {

// How far a request had come when its target was lost or gave it back.
enum class Begun : bool { no, yes };

// Whoever sent a request and wants its response.
class Call {
 public:
  virtual ~Call() = default;
  // Status 101: from here on the bodies are a tunnel's bytes.
  virtual void on_response(const worker::ResponseHeadView& head, bool end) = 0;
  virtual void on_response_body(std::string_view bytes, bool end) = 0;
  // Instead of the body: this part of a file is all of it. Ends the call.
  virtual void on_response_file(Fd file, worker::FileView part) = 0;
  virtual void on_credit(uint32_t bytes) = 0;
  // These three end the call: the slot is free (or the channel gone), and the target released.
  // `status`: what the client is told. 500 for the application's own fault, 502 for an answer that makes no sense.
  virtual void on_failed(int status, std::string_view reason) = 0;
  virtual void on_returned() = 0;         // never begun: may be sent to any target
  virtual void on_lost(Begun begun) = 0;  // the target died
};

class Channel {
 public:
  virtual ~Channel() = default;

  virtual TargetId target() const = 0;
  virtual bool gone() const = 0;
  // It was ended from this side, for the target's fault: that lives on, and no front will give it a request.
  virtual bool gave_up() const { return false; }

  // Sends the head for `call`; the target was granted by the pool. `flags` are worker::FrameFlags: kEnd without a body,
  // kTunnel for an Upgrade. Returns the slot, or -1 when none is free. Never calls back before it has returned.
  virtual int send_request(Call& call, const worker::RequestHeadView& head, uint8_t flags, bool prefetched) = 0;
  // Within the window: kBodyWindow and what on_credit() added.
  virtual void send_body(uint16_t slot, std::string_view bytes, bool end) = 0;
  // Response bytes that were taken: a channel has at most kBodyWindow of them under way.
  virtual void send_credit(uint16_t slot, uint32_t bytes) = 0;
  // Gives back (on_returned) what its target has not begun, as far as the protocol can tell: the target hangs, is
  // retired or has lost its share. Not from inside one of its calls.
  virtual void recall() {}
  // The call's owner is going away: no more is said to it.
  virtual void abort(uint16_t slot) = 0;
  // Its target was retired: no new request will come. A channel that the target itself does not end (any protocol but
  // worker frames) is gone when its last call is.
  virtual void retire() {}
};

}  // namespace trimaran::pool
