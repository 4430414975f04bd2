// The command's end of the control socket.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace trimaran {

struct ControlReply {
  int status = 0;
  std::string body;
};

constexpr int kControlWaitMs = 30'000;
constexpr int kReloadWaitMs = 200'000;   // longer than the daemon waits for new workers
constexpr int kUpgradeWaitMs = 150'000;  // and for a new front and name server

// Blocks until the answer is whole, at most `wait_ms`. os_errno ENOENT or ECONNREFUSED: no daemon.
Result<ControlReply> control_request(const std::string& socket, const std::string& method, const std::string& path,
                                     int wait_ms = kControlWaitMs);

// The same for an answer that comes line by line, without a limit of time: `on_line` gets each line of a 200 as it
// comes, and the body of the reply is empty. The body of another status is the reply's.
Result<ControlReply> control_stream(const std::string& socket, const std::string& method, const std::string& path,
                                    const std::function<void(std::string_view line)>& on_line);

}  // namespace trimaran
