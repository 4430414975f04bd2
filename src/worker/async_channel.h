// One channel as an event-driven worker holds it: what has arrived, what is to leave, and which request has which slot.
//
// Nothing here waits. What the socket does not take stays in a buffer whose size is bounded by its users: a request
// asks for room() before it says more of its body.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <string_view>

#include "os/fd.h"
#include "worker/frame_reader.h"
#include "worker/ledger.h"

namespace trimaran::worker {

class AsyncRequest;

class AsyncChannel {
 public:
  // Bytes of bodies that may wait for a front that does not read: four windows, so that one slow front thread costs a
  // worker little, and a quick one never finds the buffer empty.
  static constexpr size_t kOutBytesMax = 1 << 20;

  AsyncChannel(Fd socket, Ledger ledger);

  int fd() const { return socket_.get(); }
  bool fill() { return reader_.fill(socket_.get()); }
  FrameStatus next(Frame& frame) { return reader_.next(frame); }

  // Where frames are appended; flush() sends them.
  std::string& out() { return out_; }
  // The frame that is appended next carries this descriptor.
  void attach(Fd file) { files_.push_back({out_.size(), std::move(file)}); }
  size_t pending() const { return out_.size() - sent_; }
  size_t room() const { return pending() < kOutBytesMax ? kOutBytesMax - pending() : 0; }
  // Sends what the socket takes. False: the front is gone, and what there was to say is dropped.
  bool flush();
  // Nothing leaves or arrives any more.
  void shut();
  // Of this process's copy of the socket only; see Worker::before_fork.
  void close() { socket_.reset(); }

  Ledger ledger;
  std::array<AsyncRequest*, kSlots> slots{};  // the request that has the slot; null: free
  int requests = 0;                           // that still point here
  bool flush_wanted = false;                  // is in the worker's list
  bool waits_writable = false;                // is polled for EPOLLOUT
  bool room_refused = false;                  // somebody waits for room()
  bool closed = false;                        // no longer polled; deleted once `requests` is 0

 private:
  struct File {
    size_t at;  // in out_: where its frame begins
    Fd fd;
  };

  ssize_t send_some();
  void forget_out();

  Fd socket_;
  FrameReader reader_;
  std::string out_;  // bytes from sent_ on have not left
  size_t sent_ = 0;
  std::deque<File> files_;
};

}  // namespace trimaran::worker
