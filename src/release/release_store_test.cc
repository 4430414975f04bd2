// Releases on a real disk: what becomes one, what is refused, and what is left after a failure.
#include "release/release_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "base/time.h"
#include "os/testing.h"
#include "release/release_id.h"

namespace trimaran::release {
namespace {

namespace fs = std::filesystem;

class ReleaseStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/trimaran-release-XXXXXX";
    folder_ = ::mkdtemp(path);
    fs::create_directories(source());
    fs::create_directories(folder_ + "/site");
    store_ = std::make_unique<ReleaseStore>(folder_ + "/site");
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string source() const { return folder_ + "/app"; }
  void write(const std::string& name, const std::string& text = "x") {
    fs::create_directories(fs::path(source() + "/" + name).parent_path());
    ASSERT_TRUE(write_file(source() + "/" + name, text));
  }
  Result<Added> add() { return store_->add(source(), {}, job_); }
  std::string error_of(const Result<Added>& added) { return added ? "" : added.error().message; }
  // Deployed and proved.
  std::string good() {
    auto added = add();
    EXPECT_TRUE(added) << error_of(added);
    EXPECT_TRUE(store_->write_card(added->release));
    return added->release.id;
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(store_->folder())) out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }
  // What a shell command makes of the source.
  void shell(const std::string& command) { ASSERT_EQ(std::system(("cd " + source() + " && " + command).c_str()), 0); }

  TreeJob job_;
  std::string folder_;
  std::unique_ptr<ReleaseStore> store_;
};

TEST_F(ReleaseStoreTest, AFolderBecomesARelease) {
  write("app.py", "print(1)");
  write("static/a/b.css", "b");
  fs::permissions(source() + "/static", fs::perms(0700));
  fs::permissions(source() + "/app.py", fs::perms(0700));
  auto added = add();
  ASSERT_TRUE(added) << error_of(added);
  EXPECT_TRUE(is_release_id(added->release.id));
  EXPECT_EQ(added->release.files, 4u);
  EXPECT_EQ(added->release.bytes, 9u);
  EXPECT_EQ(*read_file(added->release.folder + "/static/a/b.css"), "b");
  EXPECT_EQ(fs::last_write_time(added->release.folder + "/app.py"), fs::last_write_time(source() + "/app.py"));
  // The front is another user of the group.
  EXPECT_EQ(fs::status(added->release.folder + "/static").permissions(), fs::perms(0750));
  EXPECT_EQ(fs::status(added->release.folder + "/app.py").permissions(), fs::perms(0740));
  EXPECT_EQ(names(), std::vector{added->release.id});
}

TEST_F(ReleaseStoreTest, WhatIsNoPartOfAReleaseIsLeftOut) {
  write("app.py");
  write(".git/HEAD");
  write("lib/__pycache__/a.pyc");
  write("state/site.db");
  ASSERT_EQ(::mkfifo((source() + "/pipe").c_str(), 0600), 0);
  auto added = store_->add(source(), {source() + "/state"}, job_);
  ASSERT_TRUE(added) << error_of(added);
  EXPECT_TRUE(fs::exists(added->release.folder + "/app.py"));
  EXPECT_TRUE(fs::is_empty(added->release.folder + "/lib"));
  for (const char* name : {".git", "state", "pipe"})
    EXPECT_FALSE(fs::exists(added->release.folder + "/" + name)) << name;
  EXPECT_EQ(added->skipped, std::vector<std::string>{"pipe"});
}

TEST_F(ReleaseStoreTest, AStateFolderInsideTheSourceIsNoTrap) {
  write("app.py");
  fs::create_directories(source() + "/.trimaran/foobar.com");
  ReleaseStore inside(source() + "/.trimaran/foobar.com");
  auto added = inside.add(source(), {}, job_);
  ASSERT_TRUE(added) << error_of(added);
  EXPECT_FALSE(fs::exists(added->release.folder + "/.trimaran/foobar.com/releases"));
}

TEST_F(ReleaseStoreTest, TheSourceMayBeALinkThatMovesLater) {
  write("app.py", "old");
  fs::create_directory_symlink(source(), folder_ + "/now");
  auto added = store_->add(folder_ + "/now", {}, job_);
  ASSERT_TRUE(added) << error_of(added);
  EXPECT_EQ(added->release.source, fs::canonical(source()));
  fs::remove(folder_ + "/now");
  EXPECT_EQ(*read_file(added->release.folder + "/app.py"), "old");
}

TEST_F(ReleaseStoreTest, LinksInsideAreKept) {
  write("static/v2/a.css", "a");
  shell("ln -s v2 static/now && ln -s ../static/now/a.css static/b.css && ln -s nothing here");
  fs::create_symlink(fs::canonical(source()) / "static/v2", source() + "/absolute");
  auto added = add();
  ASSERT_TRUE(added) << error_of(added);
  const std::string& folder = added->release.folder;
  EXPECT_EQ(fs::read_symlink(folder + "/static/now"), "v2");
  EXPECT_EQ(*read_file(folder + "/static/b.css"), "a");
  EXPECT_EQ(fs::canonical(folder + "/absolute"), fs::canonical(folder + "/static/v2"));
}

TEST_F(ReleaseStoreTest, LinksThatLeadOutAreRefused) {
  for (const char* link : {"ln -s /etc/passwd a", "ln -s ../.. a", "mkdir d; ln -s d e; ln -s e/../../site a"}) {
    fs::remove_all(source());
    write("app.py");
    shell(link);
    auto added = add();
    EXPECT_NE(error_of(added).find("the link a leads out of the release"), std::string::npos)
        << link << error_of(added);
    EXPECT_TRUE(names().empty()) << link;
  }
}

TEST_F(ReleaseStoreTest, TheInterpreterOfAVirtualEnvironmentIsTheMachines) {
  write(".venv/pyvenv.cfg");
  shell("mkdir .venv/bin && ln -s /usr/bin/python3 .venv/bin/python3 && ln -s python3 .venv/bin/python");
  auto added = add();
  EXPECT_TRUE(added) << error_of(added);
}

TEST_F(ReleaseStoreTest, WhatIsNoSourceIsSaid) {
  EXPECT_NE(error_of(store_->add(folder_ + "/missing", {}, job_)).find("/missing: No such file"), std::string::npos);
  write("notes.txt");
  EXPECT_NE(error_of(store_->add(source() + "/notes.txt", {}, job_)).find("no folder and no archive"),
            std::string::npos);
  fs::remove(source() + "/notes.txt");
  EXPECT_NE(error_of(add()).find("is empty"), std::string::npos);
  EXPECT_TRUE(names().empty());
}

TEST_F(ReleaseStoreTest, AnUnreadableFileIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  write("secret");
  fs::permissions(source() + "/secret", fs::perms::none);
  EXPECT_EQ(error_of(add()), "cannot read secret: Permission denied");
}

TEST_F(ReleaseStoreTest, TheLimitsHold) {
  for (int i = 0; i < 5; ++i) write("file" + std::to_string(i), "12345678");
  write("a/b/c/d");
  job_.limits = {.files = 4};
  EXPECT_EQ(error_of(add()), "more than 4 files");
  job_.limits = {.bytes = 20};
  EXPECT_EQ(error_of(add()), "more than 20 bytes");
  job_.limits = {.depth = 2};
  EXPECT_EQ(error_of(add()), "more than 2 folders deep");
  EXPECT_TRUE(names().empty());
}

TEST_F(ReleaseStoreTest, ACopyEndsWhenItIsTold) {
  write("app.py");
  std::stop_source stop;
  job_.stop = stop.get_token();
  stop.request_stop();
  EXPECT_EQ(error_of(add()), "cancelled");
  EXPECT_TRUE(names().empty());
}

// A writer that goes on while the copy runs: the copy is refused, or it is one moment's content.
TEST_F(ReleaseStoreTest, AFileThatChangesIsNeverHalfCopied) {
  write("data", std::string(8 << 20, 'a'));
  std::jthread writer([&](std::stop_token stop) {
    for (char c = 'b'; !stop.stop_requested(); c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
      Fd fd(::open((source() + "/data").c_str(), O_WRONLY));
      std::string text(1 << 20, c);
      for (int i = 0; i < 8 && !stop.stop_requested(); ++i) (void)!::write(fd.get(), text.data(), text.size());
    }
  });
  int refused = 0;
  // On a busy machine the two may take turns for a while, and no copy is disturbed.
  Millis deadline = monotonic_ms() + 60'000;
  for (int i = 0; i < 20 || (refused == 0 && monotonic_ms() < deadline); ++i) {
    auto added = add();
    if (added) continue;
    EXPECT_NE(error_of(added).find("data changed while it was copied"), std::string::npos) << error_of(added);
    ++refused;
  }
  EXPECT_GT(refused, 0);
}

TEST_F(ReleaseStoreTest, AFullDiskLeavesNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root mounts a small disk";
  const std::string disk = folder_ + "/site";
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "mount(2) is not allowed here";
  write("a", "small");
  std::string first = good();
  write("large", std::string(2 << 20, 'x'));
  EXPECT_EQ(error_of(add()), "cannot write the copy of large: No space left on device");
  EXPECT_EQ(names(), (std::vector{first, first + ".card"}));
  fs::remove(source() + "/large");
  EXPECT_TRUE(add()) << "the next one works";
  ::umount2(disk.c_str(), MNT_DETACH);
}

// kill -9 when so many files are copied: the next add() finds its way.
TEST_F(ReleaseStoreTest, AKilledCopyIsRemovedByTheNext) {
  for (int i = 0; i < 200; ++i) write("files/" + std::to_string(i), std::string(100'000, 'x'));
  std::string first = good();
  auto copied = [&] {
    std::error_code none;
    fs::directory_iterator folder(store_->folder() + "/incoming/tree/files", none);
    return std::distance(fs::begin(folder), fs::end(folder));
  };
  for (int files : {0, 1, 100, 199}) {
    pid_t child = ::fork();
    if (child == 0) {
      (void)add();
      ::_exit(0);
    }
    // A copy that was faster than we looked is good too.
    while (copied() < files && ::waitpid(child, nullptr, WNOHANG) == 0) std::this_thread::yield();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ASSERT_EQ(store_->list().size(), 1u);
    auto added = add();
    ASSERT_TRUE(added) << error_of(added);
    EXPECT_EQ(names(), (std::vector{first, first + ".card", added->release.id}));
  }
}

TEST_F(ReleaseStoreTest, CurrentNamesAReleaseThatIsThere) {
  EXPECT_EQ(*store_->current(), "");
  write("app.py");
  std::string id = good();
  ASSERT_TRUE(store_->set_current(id));
  EXPECT_EQ(*store_->current(), id);
  EXPECT_TRUE(store_->list().front().current);
  ASSERT_TRUE(write_file(store_->folder() + "/current", "../../etc\n"));
  EXPECT_NE(store_->current().error().message.find("is damaged"), std::string::npos);
  ASSERT_TRUE(store_->set_current("20200101-000000-0000"));
  EXPECT_NE(store_->current().error().message.find("which is not there"), std::string::npos);
  ASSERT_TRUE(store_->set_current(""));
  EXPECT_EQ(*store_->current(), "");
}

// It is replaced by a rename: whoever reads it meanwhile sees the one or the other.
TEST_F(ReleaseStoreTest, CurrentIsNeverHalfWritten) {
  write("app.py");
  std::string one = good(), other = good();
  ASSERT_TRUE(store_->set_current(one));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(store_->set_current(i % 2 == 0 ? other : one));
    done = true;
  });
  do {
    auto current = ReleaseStore(folder_ + "/site").current();
    EXPECT_TRUE(current && (*current == one || *current == other)) << (current ? *current : current.error().message);
  } while (!done);
  writer.join();
}

// What cannot be looked at for want of a descriptor is no rest of a killed copy.
TEST_F(ReleaseStoreTest, AShortageOfDescriptorsCostsNoRelease) {
  write("app.py");
  std::string first = good();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  int refused = 0;
  bool added = false;
  for (rlim_t spare = 0; spare < 20 && !added; ++spare) {
    auto lowest_free = static_cast<rlim_t>(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get());
    rlimit tight{lowest_free + spare, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    added = add().has_value();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    refused += added ? 0 : 1;
    ASSERT_EQ(store_->list().size(), 1u) << "with " << spare << " descriptors";
    EXPECT_EQ(store_->list().front().id, first);
  }
  EXPECT_GT(refused, 0);
  EXPECT_TRUE(added) << "with enough of them it works";
}

TEST_F(ReleaseStoreTest, NothingIsCurrentWhereNoFolderCanBe) {
  ASSERT_TRUE(write_file(folder_ + "/occupied", "a file"));
  EXPECT_EQ(*ReleaseStore(folder_ + "/occupied/state").current(), "");
}

TEST_F(ReleaseStoreTest, TwoRollbacksGoBackTwoDeploys) {
  write("app.py");
  std::string first = good(), second = good(), third = good();
  for (const std::string& id : {first, second, third}) ASSERT_TRUE(store_->set_current(id));
  EXPECT_EQ(store_->previous(), second);
  ASSERT_TRUE(store_->set_current(first)) << "two back at once";
  EXPECT_EQ(store_->previous(), "") << "before the first it was the site's own folder";
  std::string fourth = good();
  ASSERT_TRUE(store_->set_current(fourth));
  EXPECT_EQ(store_->previous(), first) << "what served before, not what is next in age";
  ASSERT_TRUE(store_->set_current(third)) << "forward to one that was left";
  EXPECT_EQ(store_->previous(), fourth);
  ASSERT_TRUE(store_->remove(fourth));
  EXPECT_EQ(store_->previous(), first);
}

TEST_F(ReleaseStoreTest, OldReleasesArePrunedButNoneThatIsUsed) {
  write("app.py");
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(good());
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end())) << "six in one second, and still in order";
  ASSERT_TRUE(store_->set_current(ids[0]));
  EXPECT_EQ(*store_->prune(2, {ids[1]}), 2);
  std::vector<std::string> left;
  for (const Release& release : store_->list()) left.push_back(release.id);
  EXPECT_EQ(left, (std::vector{ids[5], ids[4], ids[1], ids[0]}));
  EXPECT_EQ(store_->list().front().source, fs::canonical(source()));
}

class ArchiveTest : public ReleaseStoreTest, public testing::WithParamInterface<const char*> {};

TEST_P(ArchiveTest, IsUnpacked) {
  write("app.py", "print(1)");
  write("static/a.css", "a");
  shell("ln -s a.css static/b.css");
  std::string archive = folder_ + "/" + GetParam();
  bool zip = archive.ends_with(".zip");
  if (zip && ::access("/usr/bin/zip", X_OK) != 0) {
    shell("rm static/b.css && /usr/bin/python3 -m zipfile -c " + archive + " app.py static");
  } else {
    shell((zip ? "zip -qry " : "tar -caf ") + archive + " .");
  }
  auto added = store_->add(archive, {}, job_);
  ASSERT_TRUE(added) << error_of(added);
  EXPECT_EQ(*read_file(added->release.folder + "/static/a.css"), "a");
  EXPECT_EQ(names(), std::vector{added->release.id});
}

INSTANTIATE_TEST_SUITE_P(Formats, ArchiveTest,
                         testing::Values("a.tar", "a.tar.gz", "a.tgz", "a.tar.zst", "a.tar.xz", "a.zip"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_F(ReleaseStoreTest, AnArchiveCannotReachOut) {
  write("app.py");
  shell("tar -cPf ../up.tar --transform 's,app.py,../../../evil,' app.py");
  (void)store_->add(folder_ + "/up.tar", {}, job_);
  EXPECT_FALSE(fs::exists(folder_ + "/evil"));
  EXPECT_FALSE(fs::exists(folder_ + "/site/evil"));
  EXPECT_FALSE(fs::exists(store_->folder() + "/evil"));
  shell("ln -s /etc out && tar -cf ../link.tar out");
  auto added = store_->add(folder_ + "/link.tar", {}, job_);
  EXPECT_NE(error_of(added).find("the link out leads out of the release, to /etc"), std::string::npos)
      << error_of(added);
}

TEST_F(ReleaseStoreTest, ADamagedArchiveIsSaid) {
  ASSERT_TRUE(write_file(folder_ + "/a.tar.gz", "this is no archive"));
  auto added = store_->add(folder_ + "/a.tar.gz", {}, job_);
  EXPECT_NE(error_of(added).find("cannot unpack"), std::string::npos);
  EXPECT_NE(error_of(added).find("tar: "), std::string::npos) << error_of(added);
  EXPECT_TRUE(names().empty());
}

TEST_F(ReleaseStoreTest, AnArchiveBombMeetsTheLimit) {
  shell("truncate -s 64M zeros && tar -czf ../bomb.tar.gz zeros");
  job_.limits.bytes = 1 << 20;
  auto added = store_->add(folder_ + "/bomb.tar.gz", {}, job_);
  EXPECT_NE(error_of(added).find("more than 1048576 bytes"), std::string::npos) << error_of(added);
  EXPECT_TRUE(names().empty());
}

// As root the release belongs to the application's user, and the front's group reads it.
TEST_F(ReleaseStoreTest, AReleaseIsGivenToItsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  job_.owner = Ownership{65534, 65534, "nobody"};
  write("app.py");
  shell("chmod 4755 app.py && ln -s app.py b.py && tar -czf ../a.tgz . && mkdir sub");
  for (const std::string& from : {source(), folder_ + "/a.tgz"}) {
    auto added = store_->add(from, {}, job_);
    ASSERT_TRUE(added) << error_of(added);
    for (const auto& entry : fs::recursive_directory_iterator(added->release.folder)) {
      struct stat st {};
      ASSERT_EQ(::lstat(entry.path().c_str(), &st), 0);
      EXPECT_EQ(st.st_uid, 65534u) << entry.path();
    }
    struct stat st {};
    ASSERT_EQ(::stat((added->release.folder + "/app.py").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07540, 0540u) << "readable and executable, without set-user-id";
  }
  struct stat st {};
  ASSERT_EQ(::stat(store_->folder().c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0u) << "the list of releases itself stays ours";
}

// What unpacks an archive is the application's user, whose other processes find its folder in /proc. A link that took a
// file's place between our look and our chmod(2) had the mode of any file on the machine changed, as root.
TEST_F(ReleaseStoreTest, AFileThatBecomesALinkLeadsToNoOther) {
  constexpr int kTries = 5'000;
  std::string outside = folder_ + "/outside";
  ASSERT_TRUE(write_file(outside, "secret", 0600));
  write("app.py");
  fs::create_symlink(outside, source() + "/link");
  auto root = open_folder(AT_FDCWD, source());
  ASSERT_TRUE(root);
  std::atomic<bool> over = false;
  std::thread exchanger([&] {
    while (!over) ::renameat2(root->get(), "app.py", root->get(), "link", RENAME_EXCHANGE);
  });
  struct stat st {};
  for (int i = 0; i < kTries && (st.st_mode & 07777) <= 0600; ++i) {
    (void)settle_tree(root->get(), job_);
    EXPECT_EQ(::stat(outside.c_str(), &st), 0);
  }
  over = true;
  exchanger.join();
  EXPECT_EQ(st.st_mode & 07777, 0600u);
}

// A release belongs to its application, which may make it as deep as it likes: to remove it took a piece of the stack
// and two descriptors for each folder, of the supervisor.
TEST_F(ReleaseStoreTest, ADeepReleaseIsRemoved) {
  constexpr int kDepth = 500, kDescriptors = 16;
  write("app.py");
  auto added = add();
  ASSERT_TRUE(added) << error_of(added);
  auto at = open_folder(AT_FDCWD, added->release.folder);
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_TRUE(at);
    ASSERT_EQ(::mkdirat(at->get(), "in", 0500), 0);
    Fd file(::openat(at->get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0400));
    ASSERT_TRUE(file);
    auto inner = open_folder(at->get(), "in");
    ::fchmod(inner->get(), 0700);
    at = std::move(inner);
  }
  at = Fd();
  Status removed;
  {
    Shortage shortage(kDescriptors);
    removed = store_->remove(added->release.id);
  }
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_TRUE(names().empty());
}

TEST(ReleaseId, SortsByAgeWhateverTheClockSays) {
  EXPECT_EQ(make_release_id(1795356301, "", 0x1a2b), "20261122-140501-1a2b");
  EXPECT_EQ(make_release_id(1795356301, "20261122-140501-ffff", 1), "20261122-140502-0001");
  EXPECT_EQ(make_release_id(1795356301, "20261231-235959-ffff", 1), "20270101-000000-0001");
  for (const char* other :
       {"", "..", "current", "20261122-140501-1a2b/", "20261122-140501-1a2g", "2026112-1405010-1a2b"})
    EXPECT_FALSE(is_release_id(other)) << other;
}

// The site's folder is the application's: a pipe there must not hold whoever looks.
TEST_F(ReleaseStoreTest, APipeInThePlaceOfCurrentHoldsNobody) {
  write("app.py");
  good();
  ASSERT_EQ(::mkfifo((store_->folder() + "/current").c_str(), 0600), 0);
  EXPECT_NE(store_->current().error().message.find("is no plain file"), std::string::npos);
  EXPECT_EQ(store_->list().size(), 1u);
}

}  // namespace
}  // namespace trimaran::release
