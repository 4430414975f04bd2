#include "control/control_sockets.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "os/socket.h"

namespace trimaran {
namespace {

TEST(ControlSockets, OnlyAListenerWithThatNameIsOne) {
  std::string_view text =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11 /srv/my shop/run/control.sock\n"
      "0000000000000000: 00000003 00000000 00000000 0001 03 12 /run/trimaran/control.sock\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 13 @/run/trimaran/control.sock\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 14 /run/trimaran/db.sock\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01    15 /run/trimaran/control.sock\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 16\n"
      "/control.sock\n";
  EXPECT_EQ(control_sockets_in(text),
            (std::vector<std::string>{"/srv/my shop/run/control.sock", "/run/trimaran/control.sock"}));
}

TEST(ControlSockets, ALongListEndsAtItsLimit) {
  std::string text;
  for (size_t i = 0; i <= kControlSocketsMax; ++i) {
    text += "0: 2 0 00010000 0001 01 1 /" + std::to_string(i) + "/control.sock\n";
  }
  EXPECT_EQ(control_sockets_in(text).size(), kControlSocketsMax);
}

TEST(ControlSockets, OneOfOurOwnIsFoundWhileItListens) {
  char path[] = "/tmp/trimaran-sockets-XXXXXX";
  std::string folder = ::mkdtemp(path), socket = folder + "/control.sock";
  auto is_found = [&] {
    auto found = own_control_sockets();
    return std::find(found.begin(), found.end(), socket) != found.end();
  };
  EXPECT_FALSE(is_found());
  auto listener = listen_unix(socket, 0600);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(is_found());
  std::filesystem::remove_all(folder);
  EXPECT_FALSE(is_found()) << "nobody can connect to it any more";
}

}  // namespace
}  // namespace trimaran
