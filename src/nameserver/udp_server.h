// One UDP socket: take up to 32 datagrams with one system call, answer each from the snapshot, send all answers with
// one more. The kernel is 97 % of the cost, so fewer calls is what there is to win. io_uring (multishot recvmsg) was
// measured 12 % slower than this and left out.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "base/result.h"
#include "dns/respond.h"
#include "dns/snapshot.h"
#include "nameserver/counters.h"
#include "os/event_loop.h"
#include "os/fd.h"

namespace trimaran {

// Shared on purpose: every thread lets go of an old version in its own time, and the last one frees it. The pointer
// itself is each thread's own, so that a packet costs no reference count.
using SnapshotPtr = std::shared_ptr<const dns::Snapshot>;

class UdpServer final : public IoHandler {
 public:
  static constexpr unsigned kBatch = 32;                       // more brought nothing, 8 would nearly do
  static constexpr int kBatchesPerRound = 16;                  // then the loop's other descriptors have their turn
  static constexpr size_t kMaxQueryBytes = dns::kMaxUdpBytes;  // what our own OPT promises to take

  // `socket` is bound and non-blocking. Everything happens in the loop's thread.
  UdpServer(EventLoop& loop, Fd socket, SnapshotPtr snapshot, NameserverCounters& counters);
  ~UdpServer() override;

  Status start();
  void set_snapshot(SnapshotPtr snapshot) { snapshot_ = std::move(snapshot); }
  void on_io(uint32_t events) override;

 private:
  struct Slot {
    sockaddr_in6 peer;  // large enough for IPv4 too
    iovec in;
    iovec out;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control;
    std::array<char, kMaxQueryBytes> query;
    std::array<char, dns::kMaxUdpBytes> reply;
  };

  Status ask_for_destinations();
  unsigned receive();
  unsigned answer(unsigned received);
  void send(unsigned count);
  void prepare_reply(mmsghdr& reply, Slot& slot, const msghdr& query) const;

  EventLoop& loop_;
  Fd socket_;
  SnapshotPtr snapshot_;
  NameserverCounters& counters_;
  bool wildcard_ = false;  // bound to all addresses: answers must leave from the one that was asked
  std::unique_ptr<std::array<Slot, kBatch>> slots_;
  std::array<mmsghdr, kBatch> queries_{};
  std::array<mmsghdr, kBatch> replies_{};
};

}  // namespace trimaran
