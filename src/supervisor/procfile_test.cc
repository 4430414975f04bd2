#include "supervisor/procfile.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "os/fd.h"

namespace trimaran {
namespace {

std::string text_of(const std::vector<ProcessConfig>& lines) {
  std::string out;
  for (const ProcessConfig& line : lines) out += line.name + "=" + line.run + "\n";
  return out;
}

TEST(Procfile, IsOneProgramALine) {
  EXPECT_EQ(text_of(parse_procfile("web: ./server --port $PORT\r\njobs:python3 jobs.py\n\nmail_out:  a: b  ")),
            "web=./server --port $PORT\njobs=python3 jobs.py\nmail_out=a: b\n");
}

TEST(Procfile, WhatIsNoSuchLineIsPassedOver) {
  EXPECT_EQ(text_of(parse_procfile("# web: no\nno colon\n: nameless\nempty:\n two words: no\ngood: yes")),
            "good=yes\n");
  EXPECT_EQ(text_of(parse_procfile(std::string_view("nul: a\0b\n", 9))), "");
  EXPECT_EQ(text_of(parse_procfile("")), "");
  EXPECT_EQ(text_of(parse_procfile(std::string(kProcfileNameBytesMax + 1, 'x') + ": too long")), "");
}

TEST(Procfile, OfTwoLinesWithOneNameTheLastOneCounts) {
  EXPECT_EQ(text_of(parse_procfile("jobs: old\nweb: w\njobs: new")), "jobs=new\nweb=w\n");
}

TEST(Procfile, HasALimitOfLines) {
  std::string text;
  for (size_t i = 0; i <= kProcfileLinesMax; ++i) text += "p" + std::to_string(i) + ": run\n";
  EXPECT_EQ(parse_procfile(text).size(), kProcfileLinesMax);
}

TEST(Procfile, IsFoundInTheFolderOfTheApplication) {
  char path[] = "/tmp/trimaran-procfile-XXXXXX";
  std::string folder = ::mkdtemp(path);
  EXPECT_TRUE(read_procfile(folder).value().empty());
  ASSERT_TRUE(write_file(folder + "/Procfile", "web: ./server\n"));
  EXPECT_EQ(procfile_command(read_procfile(folder).value(), "web"), "./server");
  EXPECT_EQ(procfile_command(read_procfile(folder).value(), "jobs"), "");
  ASSERT_TRUE(write_file(folder + "/Procfile", std::string(kProcfileBytesMax + 1, '\n')));
  EXPECT_FALSE(read_procfile(folder));
  // The folder may be another user's: a pipe there must not hold whoever looks.
  std::filesystem::remove(folder + "/Procfile");
  ASSERT_EQ(::mkfifo((folder + "/Procfile").c_str(), 0600), 0);
  EXPECT_FALSE(read_procfile(folder));
  std::filesystem::remove_all(folder);
}

// /etc/shadow has lines of this form: each was run as a command, whose arguments anybody may see.
TEST(Procfile, AsRootWhatItsUserMayNotReadIsNotRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root reads what the user may not";
  constexpr uid_t kNobody = 65534;
  const Credentials user{"nobody", kNobody, kNobody, "/"};
  char path[] = "/tmp/trimaran-procfile-XXXXXX";
  std::string folder = ::mkdtemp(path);
  ASSERT_TRUE(write_file(folder + "/secret", "root: hash\n", 0600));
  ASSERT_EQ(::chown(folder.c_str(), kNobody, kNobody), 0);
  std::filesystem::create_symlink("secret", folder + "/Procfile");
  EXPECT_FALSE(read_procfile(folder, user));
  std::filesystem::permissions(folder + "/secret", std::filesystem::perms(0644));
  auto lines = read_procfile(folder, user);
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(procfile_command(*lines, "root"), "hash");
  std::filesystem::remove_all(folder);
}

TEST(Procfile, ItsLinesAreProcessesUnlessTheSiteFileHasOneOfThatName) {
  std::vector<ProcessConfig> procfile = parse_procfile("web: w\nrelease: r\njobs: theirs\nmail: m");
  EXPECT_EQ(text_of(all_processes({{"jobs", "ours"}}, procfile)), "jobs=ours\nmail=m\n");
}

}  // namespace
}  // namespace trimaran
