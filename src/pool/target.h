// What the supervisor says of a target (the message `target` of role/role.h), and the channel to it in the protocol
// that it speaks: the one place that knows which protocols there are.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/event_loop.h"
#include "os/message_socket.h"
#include "pool/channel.h"

namespace trimaran::pool {

struct TargetSpec {
  TargetId id = 0;
  Generation generation = 0;
  int capacity = 1;      // requests at a time
  std::string protocol;  // worker, http, fastcgi
  std::string address;   // http, fastcgi: where it listens
  std::string root;      // fastcgi: the folder of the scripts
  std::string site;      // for logs
  std::vector<Fd> fds;   // worker: channel socket, ledger; http, fastcgi: a lease, which is closed when it is let go
};

Result<TargetSpec> read_target(Message message);

// One shares message: "7=90 8=10", percents that add up to 100.
Result<std::vector<Share>> parse_shares(std::string_view text);

// `on_gone` is called once, from the loop, when the target is lost for this thread; the owner then deletes the channel
// after the round.
Result<std::unique_ptr<Channel>> make_channel(EventLoop& loop, Pool& pool, TargetSpec spec,
                                              std::function<void()> on_gone);

}  // namespace trimaran::pool
