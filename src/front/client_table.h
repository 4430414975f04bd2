// How many connections the front has, in all and from each client address: the one thing its threads share, because a
// client's connections are spread over all of them. Touched when a connection opens and closes, never by a request.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace trimaran::front {

// An IPv4 address, or the /64 of an IPv6 address: whoever has one address of a /64 has all of them.
struct ClientKey {
  uint64_t value = 0;
  bool operator==(const ClientKey&) const = default;
};
ClientKey client_key(const sockaddr_storage& address);

class ClientTable {
 public:
  enum class Admission { admitted, too_many, too_many_of_client };

  // What the process can hold at most, whatever the configuration allows; set before the first admit().
  void set_capacity(uint32_t connections) { capacity_ = connections; }
  Admission admit(ClientKey client, uint32_t connections_max, uint32_t per_client_max);
  void leave(ClientKey client);

 private:
  struct Hash {
    size_t operator()(const ClientKey& key) const { return key.value * 0x9e3779b97f4a7c15ull >> 13; }
  };
  std::mutex mutex_;
  std::unordered_map<ClientKey, uint32_t, Hash> counts_;
  uint32_t total_ = 0;
  uint32_t capacity_ = UINT32_MAX;
};

}  // namespace trimaran::front
