// What waits to be sent on one connection: text that was copied, then at most one tail of a cached file, which is sent
// from where it lies: a small file from the cache's memory, a large one from its descriptor. One send(2) when there is
// one of them, one sendmsg(2) when there are both: copying a 1 KiB body into the text is cheaper than a second vector,
// copying 100 KiB is not. sendfile(2) for large files costs this process no memory however slow the client is; at
// 100 KiB a copying send was measured faster.
#pragma once

#include <memory>
#include <string>

#include "front/buffer_pool.h"
#include "front/cached_file.h"
#include "front/file_cache.h"

namespace trimaran::front {

class SendQueue {
 public:
  static constexpr size_t kFlushBytesMax = 1 << 20;  // of a large file at a time; then the others have their turn
  // What the kernel holds of one connection beyond what is on its way (TCP_NOTSENT_LOWAT): it would take 4 MiB
  // (net.ipv4.tcp_wmem) for a client that reads nothing. A whole file from the cache's memory fits, so that it goes
  // with one send(2).
  static constexpr int kUnsentBytes = FileCache::kInMemoryMax + 32 * 1024;
  // The same for the rest of a large file once its client has taken kProvenBytes of it: fewer and larger sends halve
  // what 8 MiB cost. Not before: to fill the sockets of 500 clients that take nothing would hold up all others for
  // seconds.
  static constexpr int kUnsentFileBytes = 2 << 20;
  static constexpr size_t kProvenBytes = 2 << 20;

  // unfinished: kFlushBytesMax went, and more might.
  enum class Outcome { all_sent, unfinished, blocked, broken };

  explicit SendQueue(BufferPool& pool) : pool_(pool) {}

  // The text to append to. Not while has_tail(): the order would be lost.
  std::string& text();
  // Bytes [offset, offset + length) follow the text: of the prebuilt block of a file in memory, or of the file itself.
  void set_tail(PinnedFile file, size_t offset, size_t length);
  bool has_tail() const { return tail_left_ > 0; }
  size_t tail_size() const { return tail_left_; }
  size_t size() const { return text_left() + tail_left_; }
  bool empty() const { return size() == 0; }

  // Sends until everything is gone or the kernel takes no more; adds to `taken` what it took. `more`: the end of the
  // connection follows at once, so that the FIN can ride on the last segment. broken: the client is gone, or the file
  // became shorter than what was promised.
  Outcome flush(int fd, bool more, size_t& taken);
  void release();  // gives the memory back; what is queued is lost

 private:
  size_t text_left() const { return text_ ? text_->size() - sent_ : 0; }
  bool has_large_tail() const { return has_tail() && !tail_->in_memory(); }
  ssize_t send_memory(int fd, int flags) const;
  ssize_t send_file(int fd) const;
  void advance(size_t n);
  void give_room(int fd, bool for_file);

  BufferPool& pool_;
  std::unique_ptr<std::string> text_;
  size_t sent_ = 0;  // of text_
  PinnedFile tail_;
  size_t tail_at_ = 0;
  size_t tail_left_ = 0;
  size_t tail_sent_ = 0;
  bool has_room_ = false;  // for a file
};

}  // namespace trimaran::front
