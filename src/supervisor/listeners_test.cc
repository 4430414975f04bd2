#include "supervisor/listeners.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace trimaran {
namespace {

// A loopback address that no other test asks for: what it finds free there stays free. (127.0.0.1 is where every client
// on this machine is given a port of its own.)
std::string own_host() {
  int pid = ::getpid();
  return "127." + std::to_string(1 + pid / 65536 % 254) + "." + std::to_string(pid / 256 % 256) + "." +
         std::to_string(pid % 256);
}

// A port that was free a moment ago, for TCP and UDP.
Address free_address(const std::string& host = own_host()) {
  auto probe = listen_tcp(*parse_ip(host, 0), {});
  return *local_address(probe->get());
}

TEST(Listeners, OneSocketForEachThreadAndAddressInBothFamilies) {
  Config config;
  config.threads = 2;
  config.http = {free_address(), free_address("::1")};
  config.dns = {free_address()};
  Listeners listeners;
  EXPECT_TRUE(listeners.open(config, 1).empty());
  EXPECT_EQ(listeners.all().size(), 8u);  // (2 http + dns-udp + dns-tcp) x 2 threads
  EXPECT_TRUE(listeners.open(config, 1).empty()) << "what is open stays as it is";
  EXPECT_EQ(listeners.all().size(), 8u);
  config.http.pop_back();
  listeners.close_unused(config);
  EXPECT_EQ(listeners.all().size(), 6u);
}

TEST(Listeners, EveryPortInUseIsNamedAndNothingIsOpened) {
  Config config;
  config.http = {free_address(), free_address()};
  // SO_REUSEPORT on both sides would let the bind succeed: it must be found out all the same.
  auto first = listen_tcp(config.http[0], {.reuse_port = true});
  auto second = bind_udp(config.http[1], true);
  config.dns = {config.http[1]};
  Listeners listeners;
  std::vector<Error> errors = listeners.open(config, 1);
  ASSERT_EQ(errors.size(), 3u);  // http 0; dns-udp; dns-tcp on the port that http 1 has taken
  EXPECT_NE(errors[0].message.find("cannot listen on TCP " + config.http[0].to_string() + ": another program"),
            std::string::npos)
      << errors[0].message;
  EXPECT_TRUE(listeners.all().empty());
}

TEST(Listeners, WithPortZeroAllThreadsAndBothTransportsShareOnePort) {
  Config config;
  config.threads = 2;
  config.dns = {*parse_ip("127.0.0.1", 0)};
  Listeners listeners;
  EXPECT_TRUE(listeners.open(config, 1).empty());
  ASSERT_EQ(listeners.all().size(), 4u);
  for (const Listener& listener : listeners.all()) {
    EXPECT_NE(listener.bound.port(), 0);
    EXPECT_EQ(listener.bound.port(), listeners.all()[0].bound.port());
    EXPECT_EQ(listener.configured.port(), 0);
  }
}

TEST(Listeners, ASocketFromSystemdIsSharedByTheThreads) {
  Config config;
  config.threads = 3;
  config.http = {free_address()};
  std::vector<InheritedSocket> inherited;
  inherited.push_back({std::move(*listen_tcp(config.http[0], {})), SOCK_STREAM, config.http[0]});
  Listeners listeners(std::move(inherited));
  EXPECT_TRUE(listeners.open(config, 1).empty());
  EXPECT_EQ(listeners.all().size(), 3u);
}

}  // namespace
}  // namespace trimaran
