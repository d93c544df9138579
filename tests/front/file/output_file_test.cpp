#include "txt2img/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <set>
#include <stdexcept>
#include <thread>

#include "fixtures/expect_error.h"
#include "fixtures/output_file_fixture.h"
#include "fixtures/scratch_folder.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;
class OutputFile : public testing::Test {
 protected:
  ScratchFolder folder_;
  const Bytes old_ = {'o', 'l', 'd'};
  const Bytes new_ = new_bytes();
};

TEST_F(OutputFile, IsWrittenWhole) {
  for (const OnExists policy : kPolicies) {
    const ScratchFolder folder;
    EXPECT_EQ(write_output_file(folder / "x.png", new_, policy), folder / "x.png");
    EXPECT_EQ(read_bytes(folder / "x.png"), new_);
    EXPECT_EQ(folder.names(), Names{"x.png"});
  }
  EXPECT_EQ(write_output_file(folder_ / "empty", {}, OnExists::kError), folder_ / "empty");
  EXPECT_EQ(fs::file_size(folder_ / "empty"), 0U);
}

TEST_F(OutputFile, HasTheModeThatTheUserWants) {
  const mode_t old_mask = ::umask(027);
  write_output_file(folder_ / "x.png", new_, OnExists::kRename);
  ::umask(old_mask);
  EXPECT_EQ(fs::status(folder_ / "x.png").permissions(), fs::perms{0640});
}

TEST_F(OutputFile, MayLieInTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  EXPECT_NO_THROW(check_can_create("x.png"));
  EXPECT_EQ(write_output_file("x.png", new_, OnExists::kRename), "x.png");
  EXPECT_EQ(write_output_file("x.png", new_, OnExists::kRename), "x-2.png");
  fs::current_path(before);
  EXPECT_EQ(read_bytes(folder_ / "x-2.png"), new_);
}

TEST_F(OutputFile, ReplacesAnOldOneWhenToldTo) {
  write_bytes(folder_ / "x.png", old_);
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kOverwrite), folder_ / "x.png");
  EXPECT_EQ(read_bytes(folder_ / "x.png"), new_);
  EXPECT_EQ(folder_.names(), Names{"x.png"});
}

TEST_F(OutputFile, LeavesAnOldOneAloneOtherwise) {
  write_bytes(folder_ / "x.png", old_);
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kSkip), std::nullopt);
  const std::string message =
      expect_error(ExitCode::kCannotCreate, [&] { write_output_file(folder_ / "x.png", new_, OnExists::kError); });
  EXPECT_NE(message.find("x.png exists"), std::string::npos) << message;
  EXPECT_EQ(folder_.names(), Names{"x.png"});
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kRename), folder_ / "x-2.png");
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kRename), folder_ / "x-3.png");
  EXPECT_EQ(read_bytes(folder_ / "x-3.png"), new_);
  EXPECT_EQ(read_bytes(folder_ / "x.png"), old_);
}

TEST_F(OutputFile, ThreadsThatWantOneNameGetOneEach) {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kEach = 5;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < kEach; ++i) write_output_file(folder_ / "sub/x.png", new_, OnExists::kRename);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_ / "sub")) {
    EXPECT_EQ(read_bytes(entry.path()), new_);
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names.size(), kThreads * kEach);
  EXPECT_TRUE(names.contains("x.png"));
  EXPECT_TRUE(names.contains("x-40.png"));
}

TEST_F(OutputFile, MakesMissingFolders) {
  EXPECT_NO_THROW(check_can_create(folder_ / "a/b/c/x.png"));
  EXPECT_TRUE(folder_.names().empty());
  EXPECT_EQ(write_output_file(folder_ / "a/b/c/x.png", new_, OnExists::kError), folder_ / "a/b/c/x.png");
  EXPECT_EQ(read_bytes(folder_ / "a/b/c/x.png"), new_);
}

TEST_F(OutputFile, ReportsAFullDisk) {
  const std::string message =
      expect_error(ExitCode::kIo, [&] { write_output_file("/dev/full", new_, OnExists::kOverwrite); });
  EXPECT_NE(message.find("/dev/full"), std::string::npos) << message;

  if (::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "no right to mount";
  for (const OnExists policy : kPolicies) {
    expect_error(ExitCode::kIo, [&] { write_output_file(folder_ / "a/x.png", new_, policy); });
    EXPECT_TRUE(folder_.names().empty());
  }
  EXPECT_EQ(::umount(folder_.path().c_str()), 0);
}

TEST_F(OutputFile, ReportsAFileThatGrowsTooLarge) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{.rlim_cur = 5000, .rlim_max = old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string message =
      expect_error(ExitCode::kIo, [&] { write_output_file(folder_ / "x.png", new_, OnExists::kRename); });
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, SIG_DFL);
  EXPECT_NE(message.find("x.png"), std::string::npos) << message;
  EXPECT_TRUE(folder_.names().empty());
}

TEST_F(OutputFile, IsWrittenIntoDevicesAndPipes) {
  for (const OnExists policy : kPolicies) {
    EXPECT_NO_THROW(check_can_create("/dev/null"));
    EXPECT_EQ(write_output_file("/dev/null", new_, policy), "/dev/null");
    EXPECT_TRUE(fs::is_character_file("/dev/null"));
  }
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Bytes received;
  std::thread reader([&] { received = read_bytes(pipe); });
  EXPECT_EQ(write_output_file(pipe, new_, OnExists::kError), pipe);
  reader.join();
  EXPECT_EQ(received, new_);
  EXPECT_EQ(folder_.names(), Names{"pipe"});
}

// As "txt2img -o /dev/stdout >> log": /dev/stdout must stay what it is, and the log keep what it has.
TEST_F(OutputFile, IsAppendedToAnOpenFileThatIsNamedByNumber) {
  const int descriptor = ::open(write_bytes(folder_ / "log", old_).c_str(), O_WRONLY);
  ASSERT_GE(descriptor, 0);
  const fs::path path = "/proc/self/fd/" + std::to_string(descriptor);
  EXPECT_EQ(write_output_file(path, new_, OnExists::kOverwrite), path);
  ::close(descriptor);
  Bytes expected = old_;
  expected.insert(expected.end(), new_.begin(), new_.end());
  EXPECT_EQ(read_bytes(folder_ / "log"), expected);
  EXPECT_EQ(folder_.names(), Names{"log"});
}

TEST_F(OutputFile, ReplacesALinkAndNotWhatItLeadsTo) {
  const ScratchFolder elsewhere;
  write_bytes(elsewhere / "old.png", old_);
  fs::create_symlink(elsewhere / "old.png", folder_ / "x.png");
  fs::create_symlink(elsewhere / "absent.png", folder_ / "y.png");
  for (const char* name : {"x.png", "y.png"}) {
    EXPECT_EQ(write_output_file(folder_ / name, new_, OnExists::kSkip), std::nullopt);
    EXPECT_EQ(write_output_file(folder_ / name, new_, OnExists::kOverwrite), folder_ / name);
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder_ / name)));
  }
  EXPECT_EQ(read_bytes(elsewhere / "old.png"), old_);
  EXPECT_EQ(elsewhere.names(), Names{"old.png"});
}

TEST_F(OutputFile, RefusesNamesThatCannotBeFiles) {
  fs::create_directory(folder_ / "folder");
  write_bytes(folder_ / "file", old_);
  const std::size_t before = folder_.names().size();
  for (const char* name : {"folder", "folder/", "new/", ".", ".."}) {
    const std::string message = expect_error(ExitCode::kCannotCreate, [&] { check_can_create(folder_ / name); });
    EXPECT_NE(message.find("it is a folder"), std::string::npos) << message;
  }
  for (const fs::path& path :
       {folder_ / "folder", folder_ / "folder/", folder_ / "new/", folder_ / ".", folder_ / "..", fs::path(""),
        folder_ / "file/x.png", folder_ / "file/a/x.png", folder_ / std::string(256, 'x'),
        folder_ / (std::string(300, 'x') + "/x.png"), folder_ / ("new/" + std::string(256, 'x')),
        folder_ / (std::string(5000, '/') + "x.png")}) {
    SCOPED_TRACE(path);
    expect_error(ExitCode::kCannotCreate, [&] { check_can_create(path); });
    for (const OnExists policy : kPolicies) {
      expect_error(ExitCode::kCannotCreate, [&] { write_output_file(path, new_, policy); });
    }
  }
  EXPECT_EQ(folder_.names().size(), before);
}

// The super-user may do anything, so that it has to become somebody else for a moment.
class Nobody {
 public:
  Nobody() : user_(::geteuid()) {
    if (user_ == 0 && ::seteuid(65534) != 0) throw std::runtime_error("cannot become nobody");
  }
  ~Nobody() { (void)!::seteuid(user_); }
  Nobody(const Nobody&) = delete;
  Nobody& operator=(const Nobody&) = delete;

 private:
  uid_t user_;
};

TEST_F(OutputFile, FoldersWithoutPermissionAreFoundOutBefore) {
  fs::permissions(folder_.path(), fs::perms{0755});
  fs::create_directory(folder_ / "closed");
  write_bytes(folder_ / "closed/x.png", old_);
  fs::create_directory(folder_ / "hidden");
  fs::permissions(folder_ / "closed", fs::perms{0555});
  fs::permissions(folder_ / "hidden", fs::perms{0});
  {
    const Nobody nobody;
    for (const char* name : {"closed/new.png", "closed/x.png", "closed/a/b/x.png", "hidden/x.png"}) {
      SCOPED_TRACE(name);
      expect_error(ExitCode::kCannotCreate, [&] { check_can_create(folder_ / name); });
      expect_error(ExitCode::kCannotCreate, [&] { write_output_file(folder_ / name, new_, OnExists::kOverwrite); });
    }
  }
  fs::permissions(folder_ / "closed", fs::perms{0755});
  fs::permissions(folder_ / "hidden", fs::perms{0755});
  EXPECT_NO_THROW(check_can_create(folder_ / "closed/new.png"));
}

TEST_F(OutputFile, FilesOfOthersInStickyFoldersAreFoundOutBefore) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs two users";
  fs::permissions(folder_.path(), fs::perms{01777});
  write_bytes(folder_ / "x.png", old_);
  const Nobody nobody;
  expect_error(ExitCode::kCannotCreate, [&] { check_can_create(folder_ / "x.png"); });
  expect_error(ExitCode::kCannotCreate, [&] { write_output_file(folder_ / "x.png", new_, OnExists::kOverwrite); });
  EXPECT_NO_THROW(check_can_create(folder_ / "y.png"));
}

TEST_F(OutputFile, WriteOnlyFoldersWillDo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs two users";
  fs::permissions(folder_.path(), fs::perms{0733});
  const Nobody nobody;
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kOverwrite), folder_ / "x.png");
}

}  // namespace
}  // namespace txt2img
