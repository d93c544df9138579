#include "txt2img/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <functional>
#include <regex>
#include <set>
#include <thread>

#include "expect_error.h"
#include "scratch_folder.h"

// What happens instead of system calls of this thread: the functions below take the place of the C library's.
namespace {

enum class Call { kMkdir, kOpen, kWrite, kFsync, kClose, kRenameNoReplace, kLink, kRename };

// Given the number of this call since the start (1, 2, ...), returns an errno or 0 to let it through.
thread_local std::function<int(Call, int)> fault;
thread_local int calls = 0;
thread_local std::size_t write_max = SIZE_MAX;

bool fails(Call call) {
  if (!fault) return false;
  const int error_number = fault(call, ++calls);
  if (error_number != 0) errno = error_number;
  return error_number != 0;
}

int result_of(long result) { return static_cast<int>(result); }

}  // namespace

extern "C" {

int mkdir(const char* path, mode_t mode) noexcept {
  return fails(Call::kMkdir) ? -1 : result_of(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    std::va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return fails(Call::kOpen) ? -1 : result_of(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  return fails(Call::kWrite) ? -1 : ::syscall(SYS_write, descriptor, bytes, std::min(count, write_max));
}

int fsync(int descriptor) {
  if (fails(Call::kFsync)) return -1;
  return fault ? 0 : result_of(::syscall(SYS_fsync, descriptor));  // nobody cuts the power, and it is slow
}

int close(int descriptor) {
  const int result = result_of(::syscall(SYS_close, descriptor));
  return fails(Call::kClose) ? -1 : result;
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fails(Call::kRenameNoReplace)) return -1;
  return result_of(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int link(const char* from, const char* to) noexcept {
  return fails(Call::kLink) ? -1 : result_of(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int rename(const char* from, const char* to) noexcept {
  return fails(Call::kRename) ? -1 : result_of(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

}  // extern "C"

namespace txt2img {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;
using Names = std::vector<std::string>;

constexpr std::array kPolicies = {OnExists::kRename, OnExists::kOverwrite, OnExists::kSkip, OnExists::kError};

const Bytes kOld = {'o', 'l', 'd'};

Bytes new_bytes() {
  Bytes bytes;
  for (int i = 0; i < 100000; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 7));
  return bytes;
}

// Puts the fault in place for as long as it lives.
class Injection {
 public:
  explicit Injection(std::function<int(Call, int)> what) {
    calls = 0;
    fault = std::move(what);
  }
  ~Injection() { fault = nullptr; }
  Injection(const Injection&) = delete;
  Injection& operator=(const Injection&) = delete;
};

class OutputFile : public testing::Test {
 protected:
  ScratchFolder folder_;
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
  write_bytes(folder_ / "x.png", kOld);
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kOverwrite), folder_ / "x.png");
  EXPECT_EQ(read_bytes(folder_ / "x.png"), new_);
  EXPECT_EQ(folder_.names(), Names{"x.png"});
}

TEST_F(OutputFile, LeavesAnOldOneAloneOtherwise) {
  write_bytes(folder_ / "x.png", kOld);
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kSkip), std::nullopt);
  const std::string message =
      expect_error(ExitCode::kCannotCreate, [&] { write_output_file(folder_ / "x.png", new_, OnExists::kError); });
  EXPECT_NE(message.find("x.png exists"), std::string::npos) << message;
  EXPECT_EQ(folder_.names(), Names{"x.png"});
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kRename), folder_ / "x-2.png");
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kRename), folder_ / "x-3.png");
  EXPECT_EQ(read_bytes(folder_ / "x-3.png"), new_);
  EXPECT_EQ(read_bytes(folder_ / "x.png"), kOld);
}

TEST_F(OutputFile, ALateComerIsNotReplacedEither) {
  for (const OnExists policy : {OnExists::kRename, OnExists::kSkip, OnExists::kError}) {
    for (const int unsupported : {0, EINVAL}) {
      const ScratchFolder folder;
      const auto write = [&] {
        const Injection injection([&](Call call, int) {
          if (call == Call::kFsync) write_bytes(folder / "x.png", kOld);  // after the first look
          return call == Call::kRenameNoReplace ? unsupported : 0;
        });
        return write_output_file(folder / "x.png", new_, policy);
      };
      if (policy == OnExists::kError) {
        expect_error(ExitCode::kCannotCreate, write);
      } else {
        const std::optional<fs::path> renamed = folder / "x-2.png";
        EXPECT_EQ(write(), policy == OnExists::kRename ? renamed : std::nullopt);
      }
      EXPECT_EQ(read_bytes(folder / "x.png"), kOld);
      EXPECT_EQ(folder.names().size(), policy == OnExists::kRename ? 2U : 1U);
    }
  }
}

TEST_F(OutputFile, WorksOnFileSystemsWithoutExclusiveRename) {
  for (const OnExists policy : {OnExists::kRename, OnExists::kSkip, OnExists::kError}) {
    for (const int link_error : {0, EPERM, EOPNOTSUPP}) {
      const ScratchFolder folder;
      const Injection injection([&](Call call, int) {
        if (call == Call::kRenameNoReplace) return EINVAL;
        return call == Call::kLink ? link_error : 0;
      });
      EXPECT_EQ(write_output_file(folder / "x.png", new_, policy), folder / "x.png");
      EXPECT_EQ(read_bytes(folder / "x.png"), new_);
      EXPECT_EQ(folder.names(), Names{"x.png"});
      const fs::path second = folder / "x-2.png";
      EXPECT_EQ(write_output_file(folder / "x.png", new_, OnExists::kRename), second);
    }
  }
}

TEST_F(OutputFile, ThreadsThatWantOneNameGetOneEach) {
  constexpr int kThreads = 8;
  constexpr int kEach = 5;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) write_output_file(folder_ / "sub/x.png", new_, OnExists::kRename);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_ / "sub")) {
    EXPECT_EQ(read_bytes(entry.path()), new_);
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names.size(), std::size_t{kThreads * kEach});
  EXPECT_TRUE(names.contains("x.png"));
  EXPECT_TRUE(names.contains("x-40.png"));
}

TEST_F(OutputFile, MakesMissingFolders) {
  EXPECT_NO_THROW(check_can_create(folder_ / "a/b/c/x.png"));
  EXPECT_TRUE(folder_.names().empty());
  EXPECT_EQ(write_output_file(folder_ / "a/b/c/x.png", new_, OnExists::kError), folder_ / "a/b/c/x.png");
  EXPECT_EQ(read_bytes(folder_ / "a/b/c/x.png"), new_);
}

TEST_F(OutputFile, SurvivesShortWritesAndInterruptions) {
  write_max = 1000;
  const Injection injection([](Call call, int n) {
    return n % 2 == 0 && (call == Call::kWrite || call == Call::kFsync || call == Call::kOpen) ? EINTR : 0;
  });
  write_output_file(folder_ / "x.png", new_, OnExists::kRename);
  write_max = SIZE_MAX;
  EXPECT_GT(calls, 200);
  EXPECT_EQ(read_bytes(folder_ / "x.png"), new_);
}

// Each call in turn, until there are no more. Whatever fails, there is no file, or the old one, or the whole new one.
TEST_F(OutputFile, LeavesNothingBehindWhicheverCallFails) {
  for (const OnExists policy : kPolicies) {
    for (const int error_number : {EIO, ENOSPC, EACCES, EROFS, EINVAL}) {
      int failures = 0;
      calls = 0;
      for (int n = 1; calls >= n - 1; ++n) {
        SCOPED_TRACE(testing::Message() << "policy " << static_cast<int>(policy) << ", errno " << error_number
                                        << ", call " << n);
        const ScratchFolder folder;
        const fs::path path = folder / "a/b/x.png";
        try {
          const Injection injection([&](Call, int i) { return i == n ? error_number : 0; });
          EXPECT_EQ(write_output_file(path, new_, policy), path);
          EXPECT_EQ(read_bytes(path), new_);
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == ExitCode::kIo || error.code() == ExitCode::kCannotCreate) << error.what();
          EXPECT_NE(std::string(error.what()).find(folder.path().string()), std::string::npos) << error.what();
          EXPECT_TRUE(folder.names().empty());
          ++failures;
        }
      }
      EXPECT_GE(calls, 15);
      EXPECT_GE(failures, error_number == EINVAL ? 5 : 7);
    }
  }
}

TEST_F(OutputFile, KeepsTheOldOneUntilTheNewOneIsWhole) {
  bool is_replaced = false;
  calls = 0;
  for (int n = 1; calls >= n - 1; ++n) {
    const ScratchFolder folder;
    write_bytes(folder / "x.png", kOld);
    try {
      const Injection injection([&](Call call, int i) {
        is_replaced = is_replaced || call == Call::kRename;
        return i == n ? EIO : 0;
      });
      is_replaced = false;
      write_output_file(folder / "x.png", new_, OnExists::kOverwrite);
      EXPECT_EQ(read_bytes(folder / "x.png"), new_);
    } catch (const Error&) {
      const Names names = folder.names();
      EXPECT_TRUE((is_replaced && names.empty()) || read_bytes(folder / "x.png") == kOld);
      EXPECT_LE(names.size(), 1U);
    }
  }
  EXPECT_GE(calls, 8);
}

// A child that is killed at its n-th call; write calls are short, so that some are in the middle of the file.
void die_at(const fs::path& path, const Bytes& bytes, OnExists policy, int n) {
  const pid_t child = ::fork();
  if (child == 0) {
    write_max = 40000;
    fault = [n](Call, int i) {
      if (i == n) ::kill(::getpid(), SIGKILL);
      return 0;
    };
    write_output_file(path, bytes, policy);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

TEST_F(OutputFile, IsWholeOrAbsentAfterAKillAnywhere) {
  const std::regex temporary(R"(\.txt2img-\d+-\d+\.tmp)");
  for (const OnExists policy : kPolicies) {
    for (int n = 1; n <= 12; ++n) {
      SCOPED_TRACE(testing::Message() << "policy " << static_cast<int>(policy) << ", call " << n);
      const ScratchFolder folder;
      die_at(folder / "x.png", new_, policy, n);
      for (const std::string& name : folder.names()) {
        EXPECT_TRUE(name == "x.png" ? read_bytes(folder / name) == new_ : std::regex_match(name, temporary)) << name;
      }
      EXPECT_EQ(write_output_file(folder / "x.png", new_, OnExists::kOverwrite), folder / "x.png");
    }
  }
}

TEST_F(OutputFile, ASignalHandlerCanRemoveWhatIsUnfinished) {
  std::size_t before = 0;
  std::size_t after = 0;
  const auto write = [&] {
    const Injection injection([&](Call call, int) {
      if (call != Call::kFsync) return 0;
      before = folder_.names().size();
      remove_temporary_files();
      after = folder_.names().size();
      return 0;
    });
    write_output_file(folder_ / "x.png", new_, OnExists::kRename);
  };
  expect_error(ExitCode::kCannotCreate, write);  // the file is gone that was to be renamed
  EXPECT_EQ(before, 1U);
  EXPECT_EQ(after, 0U);

  write_output_file(folder_ / "x.png", new_, OnExists::kRename);
  remove_temporary_files();
  EXPECT_EQ(folder_.names(), Names{"x.png"});
}

TEST_F(OutputFile, StartsOverWhereATemporaryNameIsTaken) {
  int refused = 0;
  const Injection injection([&](Call call, int) { return call == Call::kOpen && ++refused <= 3 ? EEXIST : 0; });
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kError), folder_ / "x.png");
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
  const int descriptor = ::open(write_bytes(folder_ / "log", kOld).c_str(), O_WRONLY);
  ASSERT_GE(descriptor, 0);
  const fs::path path = "/proc/self/fd/" + std::to_string(descriptor);
  EXPECT_EQ(write_output_file(path, new_, OnExists::kOverwrite), path);
  ::close(descriptor);
  Bytes expected = kOld;
  expected.insert(expected.end(), new_.begin(), new_.end());
  EXPECT_EQ(read_bytes(folder_ / "log"), expected);
  EXPECT_EQ(folder_.names(), Names{"log"});
}

TEST_F(OutputFile, ReplacesALinkAndNotWhatItLeadsTo) {
  const ScratchFolder elsewhere;
  write_bytes(elsewhere / "old.png", kOld);
  fs::create_symlink(elsewhere / "old.png", folder_ / "x.png");
  fs::create_symlink(elsewhere / "absent.png", folder_ / "y.png");
  for (const char* name : {"x.png", "y.png"}) {
    EXPECT_EQ(write_output_file(folder_ / name, new_, OnExists::kSkip), std::nullopt);
    EXPECT_EQ(write_output_file(folder_ / name, new_, OnExists::kOverwrite), folder_ / name);
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder_ / name)));
  }
  EXPECT_EQ(read_bytes(elsewhere / "old.png"), kOld);
  EXPECT_EQ(elsewhere.names(), Names{"old.png"});
}

TEST_F(OutputFile, RefusesNamesThatCannotBeFiles) {
  fs::create_directory(folder_ / "folder");
  write_bytes(folder_ / "file", kOld);
  const std::size_t before = folder_.names().size();
  for (const fs::path& path :
       {folder_ / "folder", folder_ / "folder/", folder_ / "new/", folder_ / ".", folder_ / "..", fs::path(""),
        folder_ / "file/x.png", folder_ / "file/a/x.png", folder_ / std::string(256, 'x'),
        folder_ / (std::string(300, 'x') + "/x.png"), folder_ / (std::string(5000, '/') + "x.png")}) {
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
  write_bytes(folder_ / "closed/x.png", kOld);
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
  write_bytes(folder_ / "x.png", kOld);
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
