// A whole message as text, section by section. The server itself never needs it; tests, fuzzing and tools do, and it
// is written apart from the writer on purpose, so that the one checks the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/types.h"

namespace trimaran::dns {

struct DecodedMessage {
  uint16_t id = 0;
  uint16_t flags = 0;  // with the RCODE's lower four bits
  Rcode rcode = Rcode::NOERROR;
  bool edns = false;
  bool dnssec_ok = false;
  uint16_t payload = 0;
  std::vector<std::string> question;  // "www.foobar.com. A"
  std::vector<std::string> answer;    // "www.foobar.com. 3600 CNAME foobar.com."
  std::vector<std::string> authority;
  std::vector<std::string> additional;  // without OPT
};

// Nothing when the bytes are not exactly one well-formed message.
std::optional<DecodedMessage> decode_message(std::string_view packet);

// A query as a client sends it, with RD set; `udp_payload` 0 leaves EDNS out.
std::string encode_query(uint16_t id, std::string_view name, Type qtype, uint16_t udp_payload = 0);

}  // namespace trimaran::dns
