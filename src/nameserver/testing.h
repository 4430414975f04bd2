// For the tests of this room: a snapshot from a few lines of zone text, and waiting with a deadline.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <string>
#include <string_view>
#include <vector>

#include "dns/zone_text.h"
#include "nameserver/udp_server.h"

namespace trimaran {

inline constexpr int kTestDeadlineMs = 60'000;  // for what comes in a moment on a machine that is not busy

// The zone foobar.com with its SOA and NS and these records.
inline SnapshotPtr make_snapshot(std::string_view records) {
  dns::ZoneDraft draft;
  dns::Name apex = *dns::Name::from_text("foobar.com.");
  std::string text = "@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 127.0.0.1\n" + std::string(records);
  dns::parse_zone_text(text, {.file = "z", .origin = apex, .default_ttl = 3600}, draft);
  Diagnostics mistakes;
  std::vector<dns::Zone> zones;
  zones.push_back(*dns::Zone::build(apex, std::move(draft), mistakes));
  EXPECT_TRUE(mistakes.empty());
  return std::make_shared<const dns::Snapshot>(std::move(zones));
}

inline bool wait_readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, kTestDeadlineMs) == 1;
}

}  // namespace trimaran
