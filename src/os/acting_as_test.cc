#include "os/acting_as.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "os/fd.h"

namespace trimaran {
namespace {

constexpr uid_t kNobody = 65534;

TEST(ActingAs, WithoutAUserNothingHappens) {
  ActingAs nobody{std::nullopt};
  EXPECT_TRUE(nobody.good());
}

// Also through a group that root has: its own files are often readable to it.
TEST(ActingAs, RootMayNoMoreThanTheUserAndThenAllAgain) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root acts as somebody else";
  char path[] = "/tmp/trimaran-acting-XXXXXX";
  std::string folder = ::mkdtemp(path);
  std::filesystem::permissions(folder, std::filesystem::perms(0755));
  for (unsigned mode : {0600u, 0640u}) {
    std::string secret = folder + "/" + std::to_string(mode);
    ASSERT_TRUE(write_file(secret, "secret", mode));
    {
      ActingAs user(Credentials{"nobody", kNobody, kNobody, "/"});
      ASSERT_TRUE(user.good());
      EXPECT_FALSE(read_file(secret)) << mode;
    }
    EXPECT_TRUE(read_file(secret)) << mode;
  }
  EXPECT_EQ(::geteuid(), 0u);
  EXPECT_EQ(::getegid(), 0u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace trimaran
