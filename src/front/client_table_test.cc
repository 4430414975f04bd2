#include "front/client_table.h"

#include <gtest/gtest.h>

#include "os/socket.h"

namespace trimaran::front {
namespace {

using Admission = ClientTable::Admission;

ClientKey key(const char* ip) { return client_key(parse_ip(ip, 1)->storage); }

// On a socket of both families the whole of IPv4 was one client.
TEST(ClientTable, TellsIpv4ClientsOfADualStackSocketApart) {
  EXPECT_EQ(key("::ffff:1.2.3.4").value, key("1.2.3.4").value);
  EXPECT_NE(key("::ffff:1.2.3.4").value, key("::ffff:1.2.3.5").value);
}

TEST(ClientTable, CountsPerClientAndInAll) {
  ClientTable table;
  EXPECT_EQ(table.admit(key("192.0.2.1"), 3, 2), Admission::admitted);
  EXPECT_EQ(table.admit(key("192.0.2.1"), 3, 2), Admission::admitted);
  EXPECT_EQ(table.admit(key("192.0.2.1"), 3, 2), Admission::too_many_of_client);
  EXPECT_EQ(table.admit(key("192.0.2.2"), 3, 2), Admission::admitted);
  EXPECT_EQ(table.admit(key("192.0.2.3"), 3, 2), Admission::too_many);
  table.leave(key("192.0.2.1"));
  EXPECT_EQ(table.admit(key("192.0.2.3"), 3, 2), Admission::admitted);
}

TEST(ClientTable, AnIpv6ClientIsItsNetwork) {
  EXPECT_EQ(key("2001:db8::1"), key("2001:db8::2"));
  EXPECT_FALSE(key("2001:db8::1") == key("2001:db8:0:1::1"));
  EXPECT_FALSE(key("192.0.2.1") == key("192.0.2.2"));
}

}  // namespace
}  // namespace trimaran::front
