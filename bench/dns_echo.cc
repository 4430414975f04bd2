// The floor for a UDP name server: one thread that takes up to 32 datagrams with recvmmsg, turns each into an answer of
// a fixed size without looking at it, and sends them with sendmmsg. Nothing that answers can cost less than this.
//
//   dns_echo PORT [BYTES]     BYTES of every answer, default 62 (www.foobar.com A: a CNAME and an A)
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "os/socket.h"

namespace {

constexpr unsigned kBatch = 32;
constexpr size_t kMaxBytes = 1232;

struct Slot {
  sockaddr_in6 peer;
  iovec data;
  std::array<char, kMaxBytes> bytes;
};

// Takes and returns one batch; false when nothing waits.
bool echo_batch(int socket, std::array<Slot, kBatch>& slots, std::array<mmsghdr, kBatch>& messages, size_t bytes) {
  for (unsigned i = 0; i < kBatch; ++i) {
    slots[i].data = {slots[i].bytes.data(), kMaxBytes};
    messages[i].msg_hdr = {};
    messages[i].msg_hdr.msg_name = &slots[i].peer;
    messages[i].msg_hdr.msg_namelen = sizeof slots[i].peer;
    messages[i].msg_hdr.msg_iov = &slots[i].data;
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int received = ::recvmmsg(socket, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (received <= 0) return false;
  for (int i = 0; i < received; ++i) {
    slots[i].bytes[2] = static_cast<char>(0x84);  // QR and AA: the load generator wants an answer
    slots[i].data.iov_len = bytes;
  }
  ::sendmmsg(socket, messages.data(), static_cast<unsigned>(received), MSG_DONTWAIT);
  return received == kBatch;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: dns_echo PORT [BYTES]\n"), 2;
  size_t bytes = argc > 2 ? std::min<size_t>(std::strtoul(argv[2], nullptr, 10), kMaxBytes) : 62;
  auto address = trimaran::parse_ip("127.0.0.1", static_cast<uint16_t>(std::atoi(argv[1])));
  auto socket = trimaran::bind_udp(*address, false);
  if (!socket) return std::fprintf(stderr, "%s\n", socket.error().message.c_str()), 1;
  trimaran::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket->get(), &event);
  static std::array<Slot, kBatch> slots;
  static std::array<mmsghdr, kBatch> messages;
  for (;;) {
    if (::epoll_wait(epoll.get(), &event, 1, -1) < 1) continue;
    while (echo_batch(socket->get(), slots, messages, bytes)) {
    }
  }
}
