// Packet in, packet out: the only door between the sockets and the rest of this room.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "dns/snapshot.h"
#include "dns/types.h"

namespace trimaran::dns {

inline constexpr size_t kMinUdpBytes = 512;    // RFC 1035 section 4.2.1: without EDNS
inline constexpr size_t kMaxUdpBytes = 1232;   // fits the smallest IPv6 MTU unfragmented (DNS flag day 2020)
inline constexpr size_t kMaxTcpBytes = 65535;  // the length prefix has 16 bits

enum class Transport { udp, tcp };

struct Reply {
  size_t size = 0;  // 0: no answer at all
  Rcode rcode = Rcode::NOERROR;
  bool truncated = false;
};

// `buffer` must hold kMaxUdpBytes or kMaxTcpBytes. Never allocates.
Reply respond(const Snapshot& snapshot, std::string_view packet, std::span<char> buffer, Transport transport);

}  // namespace trimaran::dns
