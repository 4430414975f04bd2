#include "nameserver/udp_server.h"

#include <cerrno>

#include "os/socket.h"

namespace trimaran {

UdpServer::UdpServer(EventLoop& loop, Fd socket, SnapshotPtr snapshot, NameserverCounters& counters)
    : loop_(loop),
      socket_(std::move(socket)),
      snapshot_(std::move(snapshot)),
      counters_(counters),
      slots_(std::make_unique<std::array<Slot, kBatch>>()) {
  for (unsigned i = 0; i < kBatch; ++i) {
    Slot& slot = (*slots_)[i];
    slot.in = {slot.query.data(), slot.query.size()};
    msghdr& query = queries_[i].msg_hdr;
    query.msg_name = &slot.peer;
    query.msg_iov = &slot.in;
    query.msg_iovlen = 1;
  }
}

UdpServer::~UdpServer() { loop_.remove(socket_.get(), *this); }

Status UdpServer::start() {
  Result<Address> local = local_address(socket_.get());
  if (!local) return std::unexpected(std::move(local.error()));
  wildcard_ = local->is_wildcard();
  if (wildcard_) {
    if (Status asked = ask_for_destinations(); !asked) return asked;
  }
  return loop_.add(socket_.get(), EPOLLIN, *this);  // level-triggered: a round may leave datagrams behind
}

Status UdpServer::ask_for_destinations() {
  int on = 1;
  int domain = 0;
  socklen_t length = sizeof domain;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) return errno_error("not a socket");
  int failed = domain == AF_INET6 ? ::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on)
                                  : ::setsockopt(socket_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (failed) return errno_error("cannot learn which address a datagram was sent to");
  return {};
}

void UdpServer::on_io(uint32_t) {
  for (int round = 0; round < kBatchesPerRound; ++round) {
    unsigned received = receive();
    if (received == 0) return;
    send(answer(received));
    if (received < kBatch) return;  // the queue was empty a moment ago; epoll tells when it is not
  }
}

unsigned UdpServer::receive() {
  for (unsigned i = 0; i < kBatch; ++i) {
    msghdr& query = queries_[i].msg_hdr;
    query.msg_namelen = sizeof(sockaddr_in6);
    if (!wildcard_) continue;
    query.msg_control = (*slots_)[i].control.data();
    query.msg_controllen = (*slots_)[i].control.size();
  }
  int received = ::recvmmsg(socket_.get(), queries_.data(), kBatch, MSG_DONTWAIT, nullptr);
  return received > 0 ? static_cast<unsigned>(received) : 0;  // EAGAIN, or an ICMP error of an earlier answer
}

unsigned UdpServer::answer(unsigned received) {
  unsigned count = 0;
  for (unsigned i = 0; i < received; ++i) {
    Slot& slot = (*slots_)[i];
    // A datagram longer than we promised to take arrives cut off and gets its FORMERR from the parser.
    std::string_view packet(slot.query.data(), queries_[i].msg_len);
    dns::Reply reply = dns::respond(*snapshot_, packet, slot.reply, dns::Transport::udp);
    if (reply.size == 0) {
      counters_.dropped.add();
      continue;
    }
    counters_.count_answer(reply.rcode, reply.truncated);
    slot.out = {slot.reply.data(), reply.size};
    prepare_reply(replies_[count++], slot, queries_[i].msg_hdr);
  }
  counters_.udp_queries.add(received);
  return count;
}

// The answer goes back to the sender; on a wildcard socket the received packet info, turned round, names the source
// address (ip(7), RFC 3542 section 6.2). The interface is left to routing, except where an address needs its scope.
void UdpServer::prepare_reply(mmsghdr& reply, Slot& slot, const msghdr& query) const {
  msghdr& message = reply.msg_hdr;
  message = {};
  message.msg_name = &slot.peer;
  message.msg_namelen = query.msg_namelen;
  message.msg_iov = &slot.out;
  message.msg_iovlen = 1;
  if (!wildcard_) return;
  for (cmsghdr* control = CMSG_FIRSTHDR(&query); control != nullptr;
       control = CMSG_NXTHDR(const_cast<msghdr*>(&query), control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      reinterpret_cast<in_pktinfo*>(CMSG_DATA(control))->ipi_ifindex = 0;
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      auto* info = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(control));
      if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) info->ipi6_ifindex = 0;
    } else {
      continue;
    }
    message.msg_control = query.msg_control;
    message.msg_controllen = query.msg_controllen;
    return;
  }
}

void UdpServer::send(unsigned count) {
  for (unsigned sent = 0; sent < count;) {
    int n = ::sendmmsg(socket_.get(), replies_.data() + sent, count - sent, MSG_DONTWAIT);
    if (n > 0) {
      sent += static_cast<unsigned>(n);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      counters_.dropped.add(count - sent);  // the client asks again; waiting would make everybody wait
      return;
    }
    counters_.dropped.add();  // this peer cannot be reached (port 0, no route); the next one may be
    ++sent;
  }
}

}  // namespace trimaran
