// One channel as a worker holds it: the bytes that have arrived, the way out, and which request has which slot.
//
// Reading belongs to one thread at a time (the leader, see worker.cc), writing to whoever has something to say: the two
// never wait for each other, so a worker that is stopped by a full socket still could read, and the front, which reads
// always, never meets a worker that does not. Rejected: a queue of outgoing bytes with EPOLLOUT; each response would be
// copied once more, and only a blocked thread knows when to stop producing.
#pragma once

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "base/time.h"
#include "os/fd.h"
#include "worker/frame_reader.h"
#include "worker/ledger.h"

namespace trimaran::worker {

class RequestEnd;

class WorkerChannel {
 public:
  static constexpr Millis kWriteWaitMs = 30'000;  // a front that does not read for so long is broken
  // Few enough that the front has work while the worker goes on with what else it was given (pool::kPrefetch).
  static constexpr int kKeptMax = 8;
  static constexpr size_t kKeptBytesMax = 4096;  // of one response: larger ones are not copied

  WorkerChannel(Fd socket, Ledger ledger, Millis write_wait_ms = kWriteWaitMs);

  int fd() const { return socket_.get(); }

  // See FrameReader.
  bool fill() { return reader_.fill(socket_.get()); }
  FrameStatus next(Frame& frame) { return reader_.next(frame); }

  // Keeps both back, to leave before whatever is written next: responses that leave together cost the kernel, and the
  // front, one. False: that would be too many or too much, or somebody writes just now; write them. Any thread; never
  // waits.
  bool keep(std::string_view head, std::string_view body);
  // What was kept leaves. False: the front is gone.
  bool flush();
  bool keeps() const { return kept_count_.load(std::memory_order_relaxed) > 0; }

  // Writes all of `head` and then all of `body`, and waits for room. Any thread; whole calls are never mixed. False:
  // the front is gone.
  bool write(std::string_view head, std::string_view body = {});
  // The same for `frame`, with `file` on its first byte.
  bool write_with(const Fd& file, std::string_view frame);
  // Nothing leaves or arrives any more; who waits in write() or polls the descriptor learns it at once.
  void shut();
  // Of this process's copy of the socket only; see Worker::before_fork.
  void close() { socket_.reset(); }
  // To be shut for the front's fault: that may live on, and nobody gives the two another channel.
  void give_up() { gave_up_.store(true, std::memory_order_relaxed); }
  bool gave_up() const { return gave_up_.load(std::memory_order_relaxed); }

  Ledger ledger;

  // Guarded by the worker's mutex.
  std::array<RequestEnd*, kSlots> slots{};  // the request that has the slot; null: free
  int requests = 0;                         // requests that still point here
  bool closed = false;                      // no longer polled; deleted once `requests` is 0

 private:
  bool wait_for_room();
  bool write_locked(std::string_view head, std::string_view body);
  bool send_all(msghdr& header, size_t left);

  Fd socket_;
  const Millis write_wait_ms_;
  std::atomic<bool> gave_up_ = false;
  FrameReader reader_;
  std::mutex write_mutex_;
  std::string kept_;  // guarded by write_mutex_
  std::atomic<int> kept_count_ = 0;
};

}  // namespace trimaran::worker
