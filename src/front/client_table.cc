#include "front/client_table.h"

#include <netinet/in.h>

#include <cstring>

#include "base/assert.h"

namespace trimaran::front {

ClientKey client_key(const sockaddr_storage& address) {
  ClientKey key;
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {  // of a socket that systemd gave us and that takes both families
      uint32_t v4;
      std::memcpy(&v4, &v6.sin6_addr.s6_addr[12], sizeof v4);
      key.value = static_cast<uint64_t>(v4) << 32;
      return key;
    }
    std::memcpy(&key.value, &v6.sin6_addr, sizeof key.value);
  } else if (address.ss_family == AF_INET) {
    // No IPv6 /64 in use begins with 32 zero bits and then this.
    key.value = static_cast<uint64_t>(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) << 32;
  }
  return key;
}

ClientTable::Admission ClientTable::admit(ClientKey client, uint32_t connections_max, uint32_t per_client_max) {
  std::lock_guard lock(mutex_);
  if (total_ >= std::min(connections_max, capacity_)) return Admission::too_many;
  uint32_t& count = counts_[client];
  if (count >= per_client_max) return Admission::too_many_of_client;
  ++count;
  ++total_;
  return Admission::admitted;
}

void ClientTable::leave(ClientKey client) {
  std::lock_guard lock(mutex_);
  auto found = counts_.find(client);
  TRIMARAN_ASSERT(found != counts_.end() && total_ > 0);
  if (--found->second == 0) counts_.erase(found);
  --total_;
}

}  // namespace trimaran::front
